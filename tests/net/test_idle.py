"""A relay that is silent for its limit ends; bytes and keepalives put that off."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from emulator.clock import Clock
from emulator.net.idle import IdleTimer
from emulator.net.pipes import pipe_pool
from emulator.net.relay import Ended, Relay
from emulator.reason import Reason
from emulator.rules.idle import IdleLimit
from tests.net.conftest import Run
from tests.net.tcp import exactly, pair, received

pytestmark = pytest.mark.network
CLOCK = Clock(120)
MINUTE = 240.0 / CLOCK.scale
"""Real seconds of the limit."""


def limit(*, reset: bool = False) -> IdleLimit:
    """Four emulated minutes."""
    return IdleLimit(240, reset, Reason("timer", "", "idleTimeoutInMinutes"), "no packet")


@dataclass(frozen=True, slots=True)
class Silent:
    """A relay under an idle timer: its ends and ours of their connections, and how it ended."""

    client: socket.socket
    backend: socket.socket
    ours: tuple[socket.socket, socket.socket]
    expired: list[IdleLimit]
    task: asyncio.Task[Ended]
    began: float

    async def age_at_end(self) -> float:
        """Real seconds from the beginning until the timer ended it."""
        async with asyncio.timeout(10):
            await self.task
        return asyncio.get_running_loop().time() - self.began


@contextlib.asynccontextmanager
async def relayed(found: IdleLimit | None) -> AsyncIterator[Silent]:
    """A client and a backend joined by a relay under this limit."""
    async with contextlib.AsyncExitStack() as stack:
        pipes = await stack.enter_async_context(pipe_pool())
        client, front = stack.enter_context(pair())
        backend, rear = stack.enter_context(pair())
        relay = Relay(front, rear, pipes)
        expired: list[IdleLimit] = []

        def expire(limit: IdleLimit) -> None:
            expired.append(limit)
            relay.cut("rst" if limit.reset else "drop")

        timer = IdleTimer(relay, CLOCK, lambda: found, expire)

        async def serve() -> Ended:
            with timer:
                return await relay.run()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(serve())
            yield Silent(client, backend, (front, rear), expired, task, relay.loop.time())
            task.cancel()


def test_silence_ends_it_and_neither_end_is_told(run: Run) -> None:
    """After the limit nothing is carried any more, and both ends still have their connection."""

    async def body() -> None:
        async with relayed(limit()) as found:
            age = await found.age_at_end()

            assert MINUTE <= age < MINUTE * 1.5
            assert found.expired == [limit()]
            assert found.task.result() == Ended("emulator", "drop")
            for end in (found.client, found.backend):
                with pytest.raises(BlockingIOError):
                    end.recv(1)

    run(body())


def test_with_tcp_reset_both_ends_are_told(run: Run) -> None:
    """Both ends hear RST."""

    async def body() -> None:
        async with relayed(limit(reset=True)) as found:
            await found.age_at_end()
            assert found.task.result() == Ended("emulator", "rst")
            for ours in found.ours:  # as the relay's owner does
                ours.close()
            for end in (found.client, found.backend):
                with pytest.raises(ConnectionResetError):
                    await asyncio.get_running_loop().sock_recv(end, 1)

    run(body())


def test_bytes_put_it_off(run: Run) -> None:
    """The limit counts from the last byte, whichever way it went."""

    async def body() -> None:
        async with relayed(limit()) as found:
            for sender, receiver in ((found.client, found.backend), (found.backend, found.client)):
                await asyncio.sleep(MINUTE * 0.6)
                sender.send(b"x")
                await exactly(receiver, 1)
            assert await found.age_at_end() >= MINUTE * 2.2

    run(body())


def test_keepalives_put_it_off(run: Run) -> None:
    """A keepalive that our kernel answers is a packet, though no byte of it is ever read."""

    async def body() -> None:
        async with relayed(limit()) as found:
            # One second is the shortest that TCP knows: the limit must be longer than that.
            found.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
                found.client.setsockopt(socket.IPPROTO_TCP, option, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(MINUTE * 3):
                    await asyncio.shield(found.task)
            found.client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 0)
            await found.age_at_end()

    run(body())


def test_without_a_limit_there_is_no_timer(run: Run) -> None:
    """Where no private link carries a flow it may be silent for ever."""

    async def body() -> None:
        async with relayed(None) as found:
            await asyncio.sleep(MINUTE * 1.3)
            found.client.shutdown(socket.SHUT_WR)
            found.backend.shutdown(socket.SHUT_WR)
            assert await received(found.client) == (b"", True)
            assert await found.task == Ended("client", "fin")
            assert found.expired == []

    run(body())
