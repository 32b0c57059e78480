"""Packer's way to a build VM: its attempts, its words, and when it gives up."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.build.communicator import HANDSHAKES, NeverConnectedError, Waiting, by_ssh
from emulator.channels.ssh_session import Account
from tests.build.communicators import log
from tests.linux_vm import linux_vm

pytestmark = [pytest.mark.network, pytest.mark.timeout(180)]
AZURE = "10.60.0.8:22"


@contextlib.asynccontextmanager
async def counted(port: int) -> AsyncIterator[tuple[int, list[int]]]:
    """A port that leads to another, and the bytes that each of its connections sent."""
    sent: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(sent)
        sent.append(0)
        there, back = await asyncio.open_connection("127.0.0.1", port)

        async def forth() -> None:
            while piece := await reader.read(65536):
                sent[number] += len(piece)
                back.write(piece)
            back.close()

        async def home() -> None:
            while piece := await there.read(65536):
                writer.write(piece)
            writer.close()

        with contextlib.suppress(ExceptionGroup, OSError):
            async with asyncio.TaskGroup() as group:
                group.create_task(forth())
                group.create_task(home())

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], sent


async def test_behaviour_13_connect_and_close_comes_first(tmp_path: Path) -> None:
    """Each attempt is a bare connection that is closed, then the one that logs in."""
    async with linux_vm(tmp_path, "builtin") as vm, counted(vm.port) as (port, sent):
        found, stream = log()
        account = Account("127.0.0.1", port, "packer", None, "right")
        async with by_ssh(Waiting(account, AZURE, found.clock, found)) as session:
            said: list[bytes] = []
            code = await session.run("echo out; exit 4", lambda piece, _: said.append(piece))

    assert (code, b"".join(said)) == (4, b"out\n")
    assert len(sent) == 2
    assert sent[0] == 0
    assert "[INFO] Waiting for SSH, up to timeout: 20m0s" in stream.getvalue()
    assert "==> azure-arm: Connected to SSH!" in stream.getvalue()


async def test_a_port_that_refuses_is_asked_every_five_seconds_for_twenty_minutes() -> None:
    """Refused: an attempt each five emulated seconds, Go's words, and Packer's at the end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found, stream = log(scale=600)
    account = Account("127.0.0.1", port, "packer", None, "x")
    with pytest.raises(NeverConnectedError, match=r"^Timeout waiting for SSH\.$"):
        async with by_ssh(Waiting(account, AZURE, found.clock, found)):
            raise AssertionError("nobody listens")

    said = f"[DEBUG] TCP connection to SSH ip/port failed: dial tcp {AZURE}: connect: connection refused"
    assert 20 < stream.getvalue().count(said) <= 240


async def test_ten_refused_logins_are_enough(tmp_path: Path) -> None:
    """A wrong account is tried ten times, not for twenty minutes."""
    async with linux_vm(tmp_path, "builtin") as vm:
        found, stream = log(scale=200)
        account = Account("127.0.0.1", vm.port, "packer", None, "wrong")
        with pytest.raises(NeverConnectedError, match="Error waiting for SSH: ssh: unable to authenticate"):
            async with by_ssh(Waiting(account, AZURE, found.clock, found)):
                raise AssertionError("it must not be let in")

    assert stream.getvalue().count("[DEBUG] SSH handshake err: ssh: unable to authenticate") == HANDSHAKES
