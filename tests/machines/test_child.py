"""A build VM's process starts, reports, and leaves nothing."""

# Waiting for another process's end needs no event.
# ruff: noqa: ASYNC110

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.errors import UnavailableError
from emulator.machines.child import event_from_json, machine
from emulator.net.listener import bind
from emulator.observe import Event, Observation, Record, as_json
from emulator.reason import Reason
from tests.linux_vm import client, settings

pytestmark = pytest.mark.network


@pytest.fixture
def port() -> Iterator[socket.socket]:
    """A socket that was bound to a port by its number, and so keeps it when it stops listening."""
    with bind("127.0.0.1", 0) as free, bind("127.0.0.1", free.getsockname()[1]) as bound:
        free.close()
        yield bound


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_rounds_of_start_and_stop_leak_nothing(port: socket.socket, tmp_path: Path) -> None:
    """After each round the port refuses and the descriptors and tasks are as before; then it serves again."""
    seen = []
    for _ in range(4):
        async with machine(settings(tmp_path / "id", "auto"), port, print) as running:
            reader, writer = await asyncio.open_connection(*port.getsockname())
            assert (await reader.readline()).startswith(b"SSH-2.0")
            writer.close()
            await writer.wait_closed()
            assert running.detail
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*port.getsockname())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(ProcessLookupError):
            os.kill(running.pid, 0)
        seen.append(open_descriptors())
    assert len(set(seen[1:])) == 1, seen


async def test_a_machine_that_ends_by_itself_is_heard(port: socket.socket, tmp_path: Path) -> None:
    """`wait` gives the code of a process that was killed, and the body can go on."""
    async with machine(settings(tmp_path / "id", "builtin"), port, print) as running:
        os.kill(running.pid, signal.SIGKILL)
        assert await running.wait() == -signal.SIGKILL


async def test_a_machine_that_cannot_start_says_why(port: socket.socket, tmp_path: Path) -> None:
    """A wrong setting is one sentence, and nothing is left running."""
    wrong = settings(tmp_path / "id", "builtin").to_json().replace("ssh-ed25519 ", "ssh-nonsense ")
    told = type(settings(tmp_path / "id", "builtin")).from_json(wrong)
    with pytest.raises(UnavailableError, match=r"build-linux: .*authorized_key"):
        async with machine(told, port, print):
            raise AssertionError("it must not start")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*port.getsockname())


async def test_a_machine_that_ignores_the_request_to_end_is_killed(port: socket.socket, tmp_path: Path) -> None:
    """A stopped process cannot answer SIGTERM; it is gone nevertheless."""
    async with machine(settings(tmp_path / "id", "builtin"), port, print) as running:
        os.kill(running.pid, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)


async def test_its_process_dies_with_its_parent(tmp_path: Path) -> None:
    """SIGKILL of the emulator leaves no machine, agent or guest."""
    settings(tmp_path / "id", "auto")
    script = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from emulator.machines.child import machine\n"
        "from emulator.net.listener import bind\n"
        "from tests.linux_vm import settings\n"
        "async def main():\n"
        "    async with machine(settings(Path(sys.argv[1]), 'auto'), bind('127.0.0.1', 0), print) as running:\n"
        "        print(running.pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    import sys

    done = await client([sys.executable, "-c", script, str(tmp_path / "id")])
    pid = int(done.stdout)
    async with asyncio.timeout(10):
        while is_alive(pid):
            await asyncio.sleep(0)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    "event",
    [
        Observation("t", "LoginFailed", "build-linux", "s", {"client": "c"}),
        Record(
            "t", "f", "close", "build-linux", "a → b", "c", "s", "d", "client", "fin", Reason("peer", "", "FIN"), "s",
            faults=("x",),
        ),
    ],
)  # fmt: skip
def test_events_survive_the_pipe(event: Event) -> None:
    """What a machine prints is what the observer gets."""
    assert event_from_json(as_json(event)) == event
    assert event_from_json({"foreign": 1}) is None
