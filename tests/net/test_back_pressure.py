"""However many readers are slow, what relays hold for them is bounded, and all of it arrives when they read."""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Iterator

import pytest

from emulator.net.pipes import TOTAL_BYTES, pipe_pool
from emulator.net.relay import Relay
from tests.net.conftest import Run
from tests.net.tcp import pair, received

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]
READERS = 1000
SENT_BYTES = 2_000_000
DATA = bytes(SENT_BYTES)
HELD_KIB = (64 + 32) * READERS
"""Pipes are the kernel's. Each relay keeps one message at most, of 64 KiB; with its tasks it takes less than 32."""


@pytest.fixture
def _descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * READERS + 200
    if hard < wanted:
        pytest.skip(f"{wanted} descriptors are needed, {hard} are allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def resident_kib() -> int:
    """The most that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.usefixtures("_descriptors")
def test_a_thousand_slow_readers(run: Run) -> None:
    """Nobody reads while all send: pipes stay below 64 MiB in all; then each reads every byte."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with contextlib.AsyncExitStack() as stack:
            pipes = await stack.enter_async_context(pipe_pool())
            ends: list[tuple[socket.socket, socket.socket]] = []
            before = resident_kib()
            pairs = [[stack.enter_context(pair(buffer_bytes=1 << 16)) for _ in range(2)] for _ in range(READERS)]
            group = await stack.enter_async_context(asyncio.TaskGroup())
            for (client, front), (backend, rear) in pairs:
                group.create_task(_served(Relay(front, rear, pipes), front, rear))
                ends.append((client, backend))
            sending = [group.create_task(_sent(client)) for client, _ in ends]
            for _, backend in ends:  # each has something to read, so each relay has read, and is held up
                await _readable(loop, backend)
            assert 0 < pipes.size_bytes <= TOTAL_BYTES
            assert resident_kib() - before < HELD_KIB
            for each in sending:  # nobody has room for all of it
                assert not each.done()
            reading = [group.create_task(received(backend)) for _, backend in ends]
            for read, (client, backend) in zip(reading, ends, strict=True):
                data, fin = await read
                assert (len(data), fin) == (SENT_BYTES, True)
                client.close()
                backend.close()

    run(body())


async def _served(relay: Relay, *ends: socket.socket) -> None:
    try:
        await relay.run()
    finally:
        for each in ends:
            each.close()


async def _sent(client: socket.socket) -> None:
    await asyncio.get_running_loop().sock_sendall(client, DATA)
    client.shutdown(socket.SHUT_WR)


async def _readable(loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
    there = asyncio.Event()
    loop.add_reader(connection.fileno(), there.set)
    await there.wait()
    loop.remove_reader(connection.fileno())
