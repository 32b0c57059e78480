"""A silent flow through the running channel, at a scale of 60: the balancer's four minutes last four seconds."""

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.model.balancer import LoadBalancer
from emulator.net import filters
from emulator.observe import Record
from tests.app.test_clients import ssh
from tests.app.test_run import client, connects, entry, hears, seen

pytestmark = pytest.mark.network
needs_ssh = pytest.mark.skipif(shutil.which("ssh") is None, reason="OpenSSH's client is not installed")
needs_filters = pytest.mark.skipif(filters.supported() is not None, reason=str(filters.supported()))
TCP_USER_TIMEOUT = getattr(socket, "TCP_USER_TIMEOUT", 18)
SCALE = 60


def balancer(channel: Channel, **fields: Any) -> LoadBalancer:
    """The balancer with these fields in each of its rules."""
    found = channel.world.balancer
    assert found
    return replace(found, rules=tuple(replace(each, **fields) for each in found.rules))


@contextlib.asynccontextmanager
async def hurried(*, tcp_reset: bool = False, scale: float = SCALE, **settings: Any) -> AsyncIterator[Channel]:
    """A channel whose timers are in a hurry, with `enableTcpReset` or without."""
    async with start(time_scale=scale, **settings) as channel:
        await channel.apply(balancer(channel, tcp_reset=tcp_reset))
        yield channel


def at_limit(record: Record) -> bool:
    """The record of a flow that was silent for too long."""
    return record.reason.kind == "timer" and record.hop == "load-balancer"


@needs_filters
async def test_a_silent_flow_is_forgotten_without_a_word() -> None:
    """After four minutes of silence the next write hangs until TCP itself gives up, and the record says why."""
    async with hurried(guest="builtin") as channel:
        with client() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 500)
            assert await connects(connection, entry(channel), 1) == "connected"
            assert await hears(connection, 5)
            record = await seen(channel, at_limit, 8)

            assert (record.how, record.ended_by, record.approximated) == ("drop", "load-balancer", False)
            assert record.reason.name == "idleTimeoutInMinutes"
            assert 240 <= record.idle < 280
            assert "neither end was told" in record.sentence
            connection.send(b"is anybody there?\r\n")
            with pytest.raises(TimeoutError, match="timed out"):
                await asyncio.get_running_loop().sock_recv(connection, 1)


async def test_with_tcp_reset_the_client_is_told() -> None:
    """`enableTcpReset` on the rule: the client hears RST when the time is up."""
    async with hurried(tcp_reset=True, guest="builtin") as channel:
        with client() as connection:
            assert await connects(connection, entry(channel), 1) == "connected"
            assert await hears(connection, 5)
            with pytest.raises(ConnectionResetError):
                await hears(connection, 8)
            record = await seen(channel, at_limit, 1)

            assert (record.how, record.reason.name) == ("rst", "idleTimeoutInMinutes")


@contextlib.asynccontextmanager
async def session(channel: Channel, *options: str, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """OpenSSH's client at work on the Linux build VM; ended with the block."""
    line = ssh(channel.status.endpoints["linux"], command)
    process = await asyncio.create_subprocess_exec(
        *line[:1], *options, *line[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@needs_ssh
@needs_filters
async def test_openssh_without_keepalives_hangs() -> None:
    """A command that says nothing for longer than the limit never comes back to an `ssh` that does not ask."""
    async with hurried() as channel, session(channel, command="sleep 7; echo done") as process:
        record = await seen(channel, at_limit, 12)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(6):
                await process.wait()

        assert record.how == "drop"


@needs_ssh
async def test_openssh_with_keepalives_lives() -> None:
    """`ServerAliveInterval` is activity: the same command comes back."""
    async with hurried() as channel:
        async with session(channel, "-o", "ServerAliveInterval=1", command="sleep 7; echo done") as process:
            async with asyncio.timeout(20):
                out, _ = await process.communicate()

        assert (process.returncode, out) == (0, b"done\n")
        assert not [event for event in channel.events() if isinstance(event, Record) and at_limit(event)]


@needs_ssh
async def test_openssh_hears_a_tcp_reset() -> None:
    """With `enableTcpReset` the same `ssh` ends at once, with its own exit code for a lost connection."""
    async with hurried(tcp_reset=True) as channel, session(channel, command="sleep 30; echo done") as process:
        async with asyncio.timeout(20):
            out, complaint = await process.communicate()

        assert (process.returncode, out) == (255, b"")
        assert complaint == b"client_loop: send disconnect: Broken pipe\r\n"  # its next write after the reset


@pytest.mark.slow
@pytest.mark.timeout(600)
@needs_ssh
@needs_filters
async def test_at_scale_one_four_minutes_are_four_minutes() -> None:
    """On Azure's own clock: three minutes of silence are carried, more than four are forgotten."""
    async with hurried(scale=1) as channel, asyncio.TaskGroup() as group:

        async def patient() -> tuple[int | None, bytes]:
            async with session(channel, command="sleep 180; echo done") as process:
                return process.returncode, (await process.communicate())[0]

        carried = group.create_task(patient())
        async with session(channel, command="sleep 300; echo done"):
            record = await seen(channel, at_limit, 320)
        assert 240 <= record.idle < 260
        assert (await carried)[1] == b"done\n"
