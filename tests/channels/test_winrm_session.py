"""WinRM for a whole build: commands, files, and an end at once when nobody waits any more."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from emulator.channels.ssh_session import DisconnectedError, NotAdmittedError, NotDialledError
from emulator.channels.winrm_session import WinrmSession
from emulator.errors import PeerError
from emulator.net.listener import bind
from tests.windows_vm import Vm, windows_vm

pytestmark = pytest.mark.network


def session_at(url: str, vm: Vm | None = None, password: str = "") -> WinrmSession:
    """A session at an address, with the machine's account or another password."""
    found = vm.settings if vm else None
    name, known = (found.username, found.password) if found else ("packer", "x")
    return WinrmSession(url, name, password or known, 10, 30)


@contextlib.asynccontextmanager
async def session(password: str = "") -> AsyncIterator[WinrmSession]:
    """A session at a machine."""
    async with windows_vm() as vm:
        yield session_at(vm.url, vm, password)


async def test_commands_say_what_they_say_and_end_with_their_code() -> None:
    """Both outputs come through, and the exit code is the command's."""
    said: list[tuple[bytes, bool]] = []
    async with session() as found:
        await found.knock()
        code = await found.run("echo hi & echo oops>&2& exit 7", lambda *piece: said.append(piece))

    assert code == 7
    assert sorted(said) == [(b"hi \r\n", False), (b"oops\r\n", True)]


async def test_files_arrive_whole() -> None:
    """A file of several commands' length, and an empty one's folder, are there as they were sent."""
    said: list[bytes] = []
    content = bytes(range(256)) * 60
    async with session() as found:
        await found.upload(content, "C:\\made\\of\\bytes.bin")
        script = "(Get-Item C:\\made\\of\\bytes.bin).Length; (Get-FileHash C:\\made\\of\\bytes.bin).Hash"
        await found.run(f'powershell -Command "{script}"', lambda piece, _: said.append(piece))

    assert b"".join(said).split()[0] == str(len(content)).encode()


async def test_a_folder_cannot_be_written_as_a_file() -> None:
    """What the machine does not write is told with its path."""
    async with session() as found:
        with pytest.raises(PeerError, match=r"C:\\Windows: the build VM did not write it"):
            await found.upload(b"x", "C:\\Windows")


async def test_a_wrong_password_is_told_apart() -> None:
    """Who is not let in was reached."""
    async with session("wrong") as found:
        with pytest.raises(NotAdmittedError, match="401"):
            await found.knock()


async def test_a_port_that_refuses_is_in_go_s_words() -> None:
    """Refused, and a port that says nothing."""
    with bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
        with pytest.raises(NotDialledError, match="dial tcp: connect: connection refused"):
            await session_at(f"https://127.0.0.1:{port}/wsman").knock()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quick = WinrmSession(f"https://127.0.0.1:{silent.getsockname()[1]}/wsman", "packer", "x", 0.5, 0.5)
        with pytest.raises(PeerError, match="context deadline exceeded"):
            await quick.knock()


async def test_a_machine_that_goes_is_a_disconnect() -> None:
    """A service that is lost in the middle of a command ends it with our own error."""
    async with session() as found, asyncio.TaskGroup() as group:
        running = group.create_task(_lost(found))
        await asyncio.sleep(0)
        assert await found.run("shutdown /r /f /t 0", lambda *_: None) == 0
        await running


async def _lost(found: WinrmSession) -> None:
    with pytest.raises(DisconnectedError):
        await found.run('powershell -Command "Start-Sleep -Seconds 600"', lambda *_: None)


async def test_a_cancelled_command_ends_at_once() -> None:
    """Whoever gives up waiting does not wait for the thread, nor the thread for the machine."""
    async with session() as found:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await found.run('powershell -Command "Start-Sleep -Seconds 600"', lambda *_: None)
        await found.knock()
