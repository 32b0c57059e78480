"""A watched socket keeps the loop's callbacks as wanted, whatever the order of changes."""

import asyncio

import pytest

from emulator.net.watched import Watched
from tests.net.conftest import Run
from tests.net.tcp import pair

pytestmark = pytest.mark.network


def test_lost_and_gained_in_one_turn(run: Run) -> None:
    """A socket that loses its only callback and gets another in the same turn is called back."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        called: asyncio.Future[str] = loop.create_future()
        with pair() as (near, far):
            end = Watched("client", near)

            def swap() -> None:
                end.unwatch(loop)
                end.watch_read(loop, again)

            def again() -> None:
                end.unwatch(loop)
                called.set_result("read")

            end.watch_read(loop, swap)
            far.send(b"x")
            async with asyncio.timeout(5):
                assert await called == "read"

    run(body())


def test_unwatched_before_it_began(run: Run) -> None:
    """A callback that is withdrawn in the turn it was asked for is never made."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        with pair() as (near, far):
            end = Watched("client", near)
            far.send(b"x")
            end.watch_read(loop, lambda: pytest.fail("it was withdrawn"))
            end.unwatch(loop)
            await asyncio.sleep(0.01)

            assert not loop.remove_reader(near.fileno())

    run(body())


def test_gone_peer_is_no_exception(run: Run) -> None:
    """Shutting a reset socket answers with the error instead of raising it."""

    async def body() -> None:
        with pair() as (near, far):
            far.close()
            near.send(b"answered by RST")
            await asyncio.sleep(0.01)

            assert isinstance(Watched("client", near).shut(), OSError)

    run(body())
