"""Owners of descriptors are called back for what they ask for, by epoll and by whatever else a system has."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from emulator.net.readiness import Callback, Epoll, Poller, Readiness, Selector
from tests.net.conftest import Run
from tests.net.tcp import pair

pytestmark = pytest.mark.network


@dataclass
class Owner:
    """One of a descriptor."""

    on_read: Callback | None = None
    on_write: Callback | None = None


@pytest.fixture(params=[Epoll, Selector])
def poller(request: pytest.FixtureRequest) -> Callable[[], Poller]:
    made: Callable[[], Poller] = request.param
    return made


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


def test_reading_and_writing_are_told_apart(run: Run, poller: Callable[[], Poller]) -> None:
    """Who asks to write is called for that alone, and once there are bytes who asks for both is called for both."""

    async def body() -> None:
        with contextlib.closing(Readiness(poller())) as readiness, pair() as (near, far):
            reads, writes = asyncio.Event(), asyncio.Event()
            owner = Owner(on_write=writes.set)
            readiness.watch(near.fileno(), owner)
            await soon(writes)

            owner.on_read = reads.set
            readiness.watch(near.fileno(), owner)
            assert not reads.is_set()
            far.send(b"x")
            await soon(reads)

    run(body())


def test_what_is_left_unread_is_told_again(run: Run, poller: Callable[[], Poller]) -> None:
    """A callback that takes one byte of two is called once more, and then for the end."""

    async def body() -> None:
        with contextlib.closing(Readiness(poller())) as readiness, pair() as (near, far):
            taken, ended = [], asyncio.Event()

            def take() -> None:
                taken.append(near.recv(1))
                if not taken[-1]:
                    owner.on_read = None
                    readiness.watch(near.fileno(), owner)
                    ended.set()

            owner = Owner(on_read=take)
            readiness.watch(near.fileno(), owner)
            far.send(b"xy")
            far.shutdown(socket.SHUT_WR)
            await soon(ended)
            assert taken == [b"x", b"y", b""]

    run(body())


def test_a_reset_is_told_to_who_only_reads(run: Run, poller: Callable[[], Poller]) -> None:
    """The other end's RST wakes a reader."""

    async def body() -> None:
        with contextlib.closing(Readiness(poller())) as readiness, pair() as (near, far):
            seen = asyncio.Event()
            readiness.watch(near.fileno(), Owner(on_read=seen.set))
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            far.close()
            await soon(seen)

    run(body())


def test_one_that_another_ended_in_the_same_turn_is_not_called(run: Run, poller: Callable[[], Poller]) -> None:
    """Of two that are ready at once, each of which ends the other, one is called."""

    async def body() -> None:
        with contextlib.closing(Readiness(poller())) as readiness, pair() as (one, far), pair() as (two, farther):
            called: list[socket.socket] = []
            seen = asyncio.Event()
            owners = {each: Owner() for each in (one, two)}

            def first(mine: socket.socket) -> None:
                called.append(mine)
                for each, owner in owners.items():
                    owner.on_read = None
                    readiness.watch(each.fileno(), owner)
                seen.set()

            far.send(b"x")
            farther.send(b"x")
            for each, owner in owners.items():
                owner.on_read = lambda each=each: first(each)
                readiness.watch(each.fileno(), owner)
            await soon(seen)
            assert len(called) == 1

    run(body())
