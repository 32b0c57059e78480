"""A watched socket is called back as was last asked, and a gone peer is no exception."""

import asyncio
import contextlib

import pytest

from emulator.net.readiness import Readiness
from emulator.net.watched import Watched
from tests.net.conftest import Run
from tests.net.tcp import pair

pytestmark = pytest.mark.network


def test_lost_and_gained_in_one_turn(run: Run) -> None:
    """A socket that loses its only callback and gets another in the same turn is called back."""

    async def body() -> None:
        called: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        with contextlib.closing(Readiness()) as readiness, pair() as (near, far):
            end = Watched("client", near, readiness)

            def swap() -> None:
                end.unwatch()
                end.watch_read(again)

            def again() -> None:
                end.unwatch()
                called.set_result("read")

            end.watch_read(swap)
            far.send(b"x")
            async with asyncio.timeout(5):
                assert await called == "read"

    run(body())


def test_unwatched_before_it_began(run: Run) -> None:
    """A callback that is withdrawn in the turn it was asked for is never made, while others are."""

    async def body() -> None:
        with contextlib.closing(Readiness()) as readiness, pair() as (near, far), pair() as (other, far_other):
            end, witness = Watched("client", near, readiness), Watched("client", other, readiness)
            seen = asyncio.Event()
            far.send(b"x")
            far_other.send(b"x")
            end.watch_read(lambda: pytest.fail("it was withdrawn"))
            end.unwatch()
            witness.watch_read(seen.set)
            async with asyncio.timeout(5):
                await seen.wait()
            witness.unwatch()

    run(body())


def test_gone_peer_is_no_exception(run: Run) -> None:
    """Shutting a reset socket answers with the error instead of raising it."""

    async def body() -> None:
        with contextlib.closing(Readiness()) as readiness, pair() as (near, far):
            far.close()
            near.send(b"answered by RST")
            await asyncio.sleep(0.01)

            assert isinstance(Watched("client", near, readiness).shut(), OSError)

    run(body())
