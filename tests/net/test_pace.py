"""A shared bandwidth on a clock that jumps."""

import asyncio

import pytest

from emulator.net.pace import SLACK, Pace
from tests.conftest import Run


def test_what_is_over_waits(virtual_time: Run) -> None:
    """A thousand bytes at a thousand a second are a second; whoever waits for that may send."""

    async def body() -> None:
        pace = Pace(1000)
        assert pace.wait() == 0
        pace.spend(1000)
        assert pace.wait() == pytest.approx(1, abs=0.1)
        await asyncio.sleep(pace.wait())
        assert pace.wait() == 0

    virtual_time(body())


def test_an_idle_bandwidth_is_not_saved_up(virtual_time: Run) -> None:
    """What was not sent in an hour is gone: a burst waits as ever. A little may always go at once."""

    async def body() -> None:
        pace = Pace(1000)
        await asyncio.sleep(3600)
        pace.spend(2000)
        assert pace.wait() == pytest.approx(2, abs=0.1)
        other = Pace(1000)
        other.spend(int(1000 * SLACK / 2))
        assert other.wait() == 0

    virtual_time(body())
