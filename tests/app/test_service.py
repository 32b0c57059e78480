"""An emulator as a process of its own: what a signal leaves behind, which is nothing."""

import contextlib
import os
import select
import signal
import socket
from pathlib import Path

import pytest

from emulator.control import state
from tests.cli.command import Cli
from tests.mounts import mounts

pytestmark = pytest.mark.network


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command, with a state folder of its own."""
    return Cli(tmp_path / "home")


def family(pid: int) -> set[int]:
    """A process and all that it started, and those in turn."""
    found = {pid}
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found |= family(int(child))
    return found


def wait_gone(pids: set[int], number: signal.Signals, target: int) -> None:
    """Signal `target` and wait until every process of `pids` has ended."""
    watched = {}
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            watched[os.pidfd_open(pid)] = pid
    try:
        os.kill(target, number)
        left = set(watched)
        while left:
            ended = set(select.select(left, [], [], 10.0)[0])
            assert ended, f"still there after {number.name}: {[watched[each] for each in left]}"
            left -= ended
    finally:
        for each in watched:
            os.close(each)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("guest", ["auto", "builtin"])
def test_a_signal_leaves_nothing(
    cli: Cli, number: signal.Signals, guest: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM and SIGKILL end every connection and process, leave no file or mount, and the next `up` starts."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    before = mounts("/proc/self/mounts")
    status = cli.json("up", "--detach", "--json", "--guest", guest)
    note = cli.note()
    assert note is not None
    processes = family(note["pid"])
    endpoint = status["endpoints"]["linux"]
    with contextlib.closing(socket.create_connection((endpoint["host"], endpoint["port"]), timeout=10)) as client:
        assert client.recv(4) == b"SSH-"
        wait_gone(processes, number, note["pid"])
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1000):
                pass
    assert len(processes) >= 3  # the emulator and its two build VMs
    assert mounts("/proc/self/mounts") == before
    assert list((tmp_path / "temporary").iterdir()) == []
    assert state.running(cli.home) is None
    assert cli.json("up", "--detach", "--json", "--guest", "builtin")["ready"]
    assert cli("down").returncode == 0
