"""Health of a hop in its container: which hop it is, and whether it is well."""

import contextlib
import socket
from pathlib import Path

import pytest

from emulator.control import probe

pytestmark = pytest.mark.network


def command(tmp_path: Path, *words: str) -> Path:
    """A first process with this command line."""
    file = tmp_path / "cmdline"
    file.write_bytes("\0".join(words).encode() + b"\0")
    return file


def test_a_hop_is_well_while_its_port_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hop that holds its port is healthy whatever it answers; without it, it is not."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
        monkeypatch.setitem(probe.PORTS, "proxy", port)
        assert probe.main(command(tmp_path, "aib-emulator", "serve", "proxy")) == 0

    assert probe.main(command(tmp_path, "aib-emulator", "serve", "proxy")) == 1


def test_control_is_asked() -> None:
    """Control that nobody can reach is not healthy."""
    assert not probe._is_ready("127.0.0.1", 1)
