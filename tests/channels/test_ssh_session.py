"""An SSH connection that stays: commands, files, and what becomes of them when it is lost."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.channels.ssh_session import (
    Account,
    DisconnectedError,
    NotAdmittedError,
    NotDialledError,
    SshSession,
    knock,
    logged_in,
)
from emulator.errors import PeerError
from tests.linux_vm import LinuxVm, linux_vm

pytestmark = pytest.mark.network


@contextlib.asynccontextmanager
async def session(folder: Path, password: str = "right") -> AsyncIterator[tuple[LinuxVm, SshSession]]:
    """A machine and a session at it."""
    async with linux_vm(folder, "builtin") as vm:
        account = Account("127.0.0.1", vm.port, "packer", None, password)
        async with logged_in(account, seconds=30, keepalive=5) as found:
            yield vm, found


async def test_commands_share_the_login(tmp_path: Path) -> None:
    """Output comes as it is said, of both kinds; the exit code is the command's."""
    said: list[tuple[bytes, bool]] = []
    async with session(tmp_path) as (_, found):
        codes = [await found.run(f"echo {each}; echo bad >&2; exit {each}", lambda *piece: said.append(piece))
                 for each in (0, 3)]  # fmt: skip

    assert codes == [0, 3]
    assert sorted(said) == [(b"0\n", False), (b"3\n", False), (b"bad\n", True), (b"bad\n", True)]


async def test_files_arrive_whole(tmp_path: Path) -> None:
    """What is uploaded is what is there, longer than one packet."""
    said: list[bytes] = []
    content = b"0123456789abcde\n" * 10_000
    async with session(tmp_path) as (_, found):
        await found.upload(content, "/tmp/file")
        await found.run("cat /tmp/file", lambda piece, _: said.append(piece))

    assert b"".join(said) == content


async def test_a_path_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """The machine's own reason comes back with the path, and the session goes on."""
    async with session(tmp_path) as (_, found):
        with pytest.raises(PeerError, match="/none/file"):
            await found.upload(b"x", "/none/file")
        assert await found.run("true", lambda *_: None) == 0


async def test_a_wrong_password_is_told_apart(tmp_path: Path) -> None:
    """Who is not let in was reached: another error than no answer."""
    with pytest.raises(NotAdmittedError, match="unable to authenticate"):
        async with session(tmp_path, "wrong"):
            raise AssertionError("it must not be let in")


async def test_a_server_that_closes_is_eof() -> None:
    """A server that closes before its banner is Go's EOF; one that says nothing is a handshake that took too long."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PeerError, match="handshake failed: EOF"):
            async with logged_in(Account("127.0.0.1", port, "packer"), seconds=30, keepalive=5):
                raise AssertionError("nobody is there")
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PeerError, match="handshake timeout"):
        async with logged_in(Account("127.0.0.1", silent.getsockname()[1], "packer"), seconds=0.3, keepalive=5):
            raise AssertionError("nobody answers")


async def test_a_knock_that_fails_is_in_go_s_words() -> None:
    """Refused, and dropped: what Packer's log would say."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotDialledError, match="connect: connection refused"):
        await knock("127.0.0.1", port, seconds=10)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        await knock("127.0.0.1", listening.getsockname()[1], seconds=10)


async def test_a_machine_that_goes_in_the_middle_is_a_disconnect(tmp_path: Path) -> None:
    """A connection that ends before its command has no exit code, and no success either."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        cutting.append(writer)
        with contextlib.suppress(ExceptionGroup, OSError):
            async with asyncio.TaskGroup() as group:
                group.create_task(pumped(reader, back))
                group.create_task(pumped(there, writer))

    async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
        writer.close()

    def heard(*_: object) -> None:
        cutting[0].transport.abort()

    cutting: list[asyncio.StreamWriter] = []
    async with linux_vm(tmp_path, "builtin") as vm, await asyncio.start_server(cut, "127.0.0.1", 0) as relay:
        port = vm.port
        account = Account("127.0.0.1", relay.sockets[0].getsockname()[1], "packer", None, "right")
        async with logged_in(account, seconds=30, keepalive=5) as found:
            with pytest.raises(DisconnectedError):
                await found.run("echo now; sleep 600", heard)
