"""Client libraries as programs of their own."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from emulator.scenarios import libraries

pytestmark = pytest.mark.network


def ran(name: str, folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """The program's end."""
    file = folder / "given.json"
    file.write_text(json.dumps(given))
    line = [sys.executable, "-P", libraries.__file__, name, str(file)]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=50)


@pytest.mark.parametrize("name", libraries.CLIENTS)
def test_what_a_library_raises_is_told(name: str, tmp_path: Path) -> None:
    """Its own error, by its name, of a port at which nobody listens; exit code 1."""
    key = tmp_path / "key"
    form = serialization.PrivateFormat.OpenSSH
    bare = serialization.NoEncryption()
    key.write_bytes(Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, bare))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = str(unused.getsockname()[1])
    where = {"host": "127.0.0.1", "port": port, "url": f"https://127.0.0.1:{port}/wsman", "command": "echo it"}
    done = ran(name, tmp_path, username="packer", password="secret", private_key=str(key), **where)

    assert done.returncode == 1, done.stderr
    assert ": " in done.stdout
    assert "refused" in done.stdout.lower() or "Unable to connect" in done.stdout
