"""Emulated time passes by its scale."""

import asyncio
import datetime

import pytest

from emulator.clock import Clock, wall_time
from tests.conftest import Run


@pytest.mark.parametrize("scale", [1.0, 60.0, 0.5])
def test_sleep_and_now(virtual_time: Run, scale: float) -> None:
    """A sleep of 240 emulated seconds takes 240 / scale real ones, and the clock says 240."""

    async def body() -> None:
        clock, loop = Clock(scale), asyncio.get_running_loop()
        began, emulated = loop.time(), clock.now()
        await clock.sleep(240)

        assert loop.time() - began == pytest.approx(240 / scale, abs=0.5)
        assert clock.now() - emulated == pytest.approx(240, abs=0.5 * scale)
        assert clock.real(240) == 240 / scale

    virtual_time(body())


def test_timeout(virtual_time: Run) -> None:
    """A timeout strikes after its emulated seconds, not before."""

    async def body() -> None:
        clock = Clock(60)
        async with clock.timeout(61):
            await asyncio.sleep(1)
        with pytest.raises(TimeoutError):
            async with clock.timeout(59):
                await asyncio.sleep(1)

    virtual_time(body())


def test_wall_time() -> None:
    """Records carry UTC with milliseconds, in a form that sorts and parses."""
    text = wall_time()
    found = datetime.datetime.fromisoformat(text)

    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    assert abs(datetime.datetime.now(datetime.UTC) - found) < datetime.timedelta(seconds=5)
