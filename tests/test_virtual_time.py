"""Virtual time itself: an hour passes at once, and real sockets work beside it."""

import asyncio
import socket
import time

import pytest

from tests.conftest import Run, is_of_a_loop, open_files


def test_an_hour_takes_no_time(virtual_time: Run) -> None:
    """A sleep of an hour moves the loop's clock by an hour, and the wall's hardly."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.sleep(3600)

        assert 3600 <= loop.time() - began < 3601

    began = time.monotonic()
    virtual_time(body())
    assert time.monotonic() - began < 5


def test_timers_fire_in_order(virtual_time: Run) -> None:
    """Timers fire in the order of their times, however long each is."""
    fired = []

    async def body() -> None:
        async with asyncio.TaskGroup() as group:
            for delay in (300, 5, 60):
                group.create_task(wait(delay))

    async def wait(delay: float) -> None:
        await asyncio.sleep(delay)
        fired.append(delay)

    virtual_time(body())

    assert fired == [5, 60, 300]


def test_ready_data_comes_before_a_timeout(virtual_time: Run) -> None:
    """What has arrived on a socket is read before time jumps over its deadline."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            far.send(b"here")
            async with asyncio.timeout(30):
                assert await loop.sock_recv(near, 4) == b"here"

    virtual_time(body())


def test_a_task_left_running_fails(virtual_time: Run) -> None:
    """A body that leaves a task behind fails its test."""
    left = []

    async def body() -> None:
        left.append(asyncio.get_running_loop().create_task(asyncio.sleep(1)))

    with pytest.raises(AssertionError, match="tasks left running"):
        virtual_time(body())


def test_a_socket_left_open_is_seen() -> None:
    """The leak check tells a TCP socket from the socket pair of an event loop."""
    before = open_files()
    near, far = socket.socketpair()
    with near, far, socket.socket() as leaked:
        found = {
            number: target
            for number, target in open_files().items()
            if before.get(number) != target and not is_of_a_loop(number, target)
        }

        assert list(found) == [leaked.fileno()]
