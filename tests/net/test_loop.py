"""The loop of our own is an event loop like any other, and calls relays back while it sleeps."""

import asyncio
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from emulator.net.loop import IS_HERE, ChannelLoop, readiness_here
from emulator.net.readiness import Callback, Readiness
from tests.net.conftest import alone
from tests.net.tcp import pair

pytestmark = [pytest.mark.network, pytest.mark.skipif(not IS_HERE, reason="it sleeps in epoll")]


def run(body: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=ChannelLoop) as runs:
        runs.run(alone(body))


@dataclass
class Owner:
    """One of a descriptor that is read."""

    on_read: Callback | None
    on_write: Callback | None = None


def watch(connection: socket.socket, on_read: Callback) -> Callable[[], None]:
    """Have a relay's callback called; what is returned ends it."""
    owner = Owner(on_read)
    readiness_here().watch(connection.fileno(), owner)

    def end() -> None:
        owner.on_read = None
        readiness_here().watch(connection.fileno(), owner)

    return end


def test_relays_are_called_while_the_loop_sleeps() -> None:
    """A thousand messages bounce between two relays' callbacks, and the loop wakes for none of them."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        over, left, turns = loop.create_future(), 1000, 0
        with pair() as (near, far):

            def bounce(connection: socket.socket) -> None:
                nonlocal left
                connection.send(connection.recv(1))
                left -= 1
                if not left:
                    over.set_result(None)

            ends = [watch(each, partial(bounce, each)) for each in (near, far)]
            near.send(b"x")

            async def counting() -> None:
                nonlocal turns
                while not over.done():
                    turns += 1
                    await asyncio.wait({over}, timeout=10)

            await counting()
            for end in ends:
                end()
        assert turns == 1

    run(body())


def test_timers_are_kept_while_relays_are_busy() -> None:
    """Two relays that never rest do not keep the loop from waking in time."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        with pair() as (near, far):

            def bounce(connection: socket.socket) -> None:
                connection.send(connection.recv(1))

            ends = [watch(each, partial(bounce, each)) for each in (near, far)]
            near.send(b"x")
            began = loop.time()
            await asyncio.sleep(0.05)
            took = loop.time() - began
            for end in ends:
                end()
        assert 0.05 <= took < 5

    run(body())


@pytest.mark.parametrize("how", ["call_soon", "call_later"])
def test_what_a_relay_asks_of_the_loop_ends_its_sleep(how: str) -> None:
    """A callback, and a timer that is due before the one that the loop sleeps for."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        asked = asyncio.Event()

        def ask() -> None:
            near.recv(1)
            if how == "call_soon":
                loop.call_soon(asked.set)
            else:
                loop.call_later(0.01, asked.set)

        with pair() as (near, far):
            end = watch(near, ask)
            far.send(b"x")
            async with asyncio.timeout(10):
                await asked.wait()
            end()

    run(body())


def test_a_callback_that_fails_is_told_of_and_the_loop_goes_on() -> None:
    """As with any other callback of a loop; what it left unread comes again."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        told: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: told.append(context))
        taken = asyncio.Event()

        def fail_once() -> None:
            if not told:
                raise ZeroDivisionError("a bug")
            near.recv(1)
            taken.set()

        with pair() as (near, far):
            end = watch(near, fail_once)
            far.send(b"x")
            async with asyncio.timeout(10):
                await taken.wait()
            end()
        assert [type(each["exception"]) for each in told] == [ZeroDivisionError]

    run(body())


def test_one_that_always_fails_keeps_nobody_else_waiting() -> None:
    """Neither another relay nor the loop's own callbacks, timers and threads."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        heard = asyncio.Event()

        def fail() -> None:
            raise ZeroDivisionError("a bug")

        with pair() as (bad, far), pair() as (good, farther):

            def hear() -> None:
                good.recv(1)
                heard.set()

            ends = [watch(bad, fail), watch(good, hear)]
            far.send(b"x")
            farther.send(b"x")
            async with asyncio.timeout(10):
                await heard.wait()
                assert await asyncio.to_thread(sum, (1, 2)) == 3
            for end in ends:
                end()

    run(body())


def test_a_relay_may_stop_the_loop() -> None:
    """It does not sleep on."""
    loop = ChannelLoop()
    try:
        with pair() as (near, far):

            def stop() -> None:
                near.recv(1)
                loop.stop()

            owner = Owner(stop)
            loop.readiness.watch(near.fileno(), owner)
            far.send(b"x")
            loop.run_forever()
            owner.on_read = None
            loop.readiness.watch(near.fileno(), owner)
    finally:
        loop.close()


def test_streams_threads_and_subprocesses_work() -> None:
    """What programs ask of a loop."""

    async def body() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.read(100))
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"hello")
            assert await reader.read() == b"hello"
            writer.close()
            await writer.wait_closed()
        assert await asyncio.to_thread(sum, (1, 2)) == 3
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(7)", stdout=asyncio.subprocess.PIPE)
        assert (await child.communicate())[0] == b"7\n"

    run(body())


def test_a_registered_descriptor_is_modified_and_forgotten() -> None:
    """Reading and writing on one descriptor of the loop's own, one after the other removed."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        reads, writes = asyncio.Event(), asyncio.Event()
        with pair() as (near, far):
            loop.add_reader(near, reads.set)
            loop.add_writer(near, writes.set)
            await asyncio.wait_for(writes.wait(), 10)
            assert not reads.is_set()
            assert loop.remove_writer(near)
            far.send(b"x")
            await asyncio.wait_for(reads.wait(), 10)
            assert loop.remove_reader(near)
            assert not loop.remove_reader(near)
            loop.add_reader(near, reads.set)
            near.close()
            assert loop.remove_reader(near)  # closed too early, and forgotten all the same

    run(body())


def test_another_loop_is_given_a_poll_set_to_watch() -> None:
    """The relays of a loop that is not ours have one of their own."""

    async def body() -> None:
        found = readiness_here()
        assert isinstance(found, Readiness)
        assert found is not readiness_here()
        found.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runs:
        runs.run(body())
