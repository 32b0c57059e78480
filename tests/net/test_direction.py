"""One way of a relay under a bandwidth, and handed over; what it does otherwise is in test_relay."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import pytest

from emulator.net.direction import Direction
from emulator.net.pace import Pace
from emulator.net.pipes import pipe_pool
from emulator.net.relay import Relay
from tests.net.conftest import Run
from tests.net.tcp import Pair, exactly, pair, received
from tests.net.test_relay import relayed

pytestmark = pytest.mark.network
RATE = 1_000_000


@contextlib.asynccontextmanager
async def paced(pace: Pace) -> AsyncIterator[tuple[Pair, Pair]]:
    """A relay that shares a bandwidth, between two connections."""
    async with pipe_pool() as pipes, asyncio.TaskGroup() as group:
        with pair() as client, pair() as backend:
            running = group.create_task(Relay(client[1], backend[0], pipes, pace).run())
            yield client, backend
            await running


@pytest.mark.parametrize("size", [100_000, 700_000])
def test_bytes_take_as_long_as_the_bandwidth_says(run: Run, size: int) -> None:
    """Both ways share it; every byte arrives, in order, small reads and pipes alike, and none comes too early."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        data, back = os.urandom(size), os.urandom(size // 4)
        began = loop.time()
        async with paced(Pace(RATE)) as (client, backend), asyncio.TaskGroup() as group:
            there = group.create_task(received(backend[1]))
            here = group.create_task(received(client[0]))
            await loop.sock_sendall(backend[1], back)
            backend[1].shutdown(1)
            await loop.sock_sendall(client[0], data)
            client[0].shutdown(1)
        assert there.result() == (data, True)
        assert here.result() == (back, True)
        # The last pipe full is not waited for.
        assert loop.time() - began >= max(0.0, (len(data) + len(back)) / RATE - 1.1)

    run(body())


def test_who_is_cut_while_it_waits_is_cut(run: Run) -> None:
    """A direction that waits for its bandwidth ends with the relay."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with pipe_pool() as pipes, asyncio.TaskGroup() as group:
            with pair() as client, pair() as backend:
                relay = Relay(client[1], backend[0], pipes, Pace(1))
                running = group.create_task(relay.run())
                await loop.sock_sendall(client[0], b"first")
                await loop.sock_recv(backend[1], 10)
                await loop.sock_sendall(client[0], b"second")
                relay.cut("rst")
                ended = await running
        assert ended.how == "rst"

    run(body())


def test_hands_over_what_is_in_flight(run: Run) -> None:
    """Bytes that the sink did not take yet go on behind those that it took, and those unread after them."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        data = bytes(range(256)) * 16384
        async with relayed(buffer_bytes=65536) as channel, asyncio.TaskGroup() as group:
            group.create_task(loop.sock_sendall(channel.client, data))
            found = await exactly(channel.backend, 100_000)
            before, other = channel.relay.directions
            flying = before.hand_over()
            before.read()
            after = Direction(channel.relay, before.source, before.sink)
            channel.relay.carry_by(after, other)
            found += await exactly(channel.backend, before.carried - len(found))
            sending = group.create_task(loop.sock_sendall(before.sink.socket, flying))
            found += await exactly(channel.backend, len(flying))
            await sending
            after.begin()
            found += await exactly(channel.backend, len(data) - len(found))

            assert found == data
            assert before.hand_over() == b""

    run(body())
