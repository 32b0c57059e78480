"""The process's own manners: settings in, one line out, an end."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.net.listener import bind
from tests.linux_vm import client, settings

pytestmark = pytest.mark.network


def command(bound: socket.socket) -> list[str]:
    return [sys.executable, "-m", "emulator.machines.process", "--fd", str(bound.fileno())]


def test_it_is_ready_then_ends_with_its_input(tmp_path: Path) -> None:
    """One JSON line says that it is ready; the end of stdin ends it with 0, without a complaint."""
    with bind("127.0.0.1", 0) as bound:
        line = settings(tmp_path / "id", "builtin").to_json() + "\n"
        options = {"input": line, "text": True, "pass_fds": (bound.fileno(),), "capture_output": True}
        done = subprocess.run(command(bound), check=False, timeout=30, **options)  # type: ignore[call-overload]
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["ready"] is True


async def test_what_it_cannot_read_is_an_error_line(tmp_path: Path) -> None:
    """Settings that are none give `error` and exit code 2, no traceback."""
    with bind("127.0.0.1", 0) as bound:
        bound.set_inheritable(True)
        words = ["sh", "-c", 'exec "$@"', "sh", *command(bound)]
        process = subprocess.run(  # noqa: ASYNC221 - it ends at once
            words, input=b"nonsense\n", capture_output=True, check=False, pass_fds=(bound.fileno(),), timeout=30
        )
    assert process.returncode == 2
    assert process.stderr == b""
    assert "machine settings" in json.loads(process.stdout)["error"]
    assert (await client(["true"])).exit_code == 0
