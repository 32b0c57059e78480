"""Restarts of the machine: asked for, waited for, cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from emulator.machines.winguest.restarts import IN_PROGRESS, LEAST_DELAY, NOT_SCHEDULED, SCHEDULED, Restarts

Run = Callable[[Coroutine[Any, Any, None]], None]


def test_goes_down_after_a_while(virtual_time: Run) -> None:
    """A restart begins when its time has come, once, and is under way until the machine is up again."""

    async def body() -> None:
        begun: list[float] = []
        loop = asyncio.get_running_loop()
        restarts, start = Restarts(lambda: begun.append(loop.time())), loop.time()
        assert restarts.ask(30) is None
        assert restarts.ask(30) == SCHEDULED
        await asyncio.sleep(29)
        assert begun == []
        await asyncio.sleep(2)
        assert begun == pytest.approx([start + 30], abs=0.1)
        assert (restarts.ask(0), restarts.cancel()) == (IN_PROGRESS, IN_PROGRESS)
        restarts.is_up_again()
        assert restarts.ask(5) is None
        restarts.close()

    virtual_time(body())


def test_is_cancelled(virtual_time: Run) -> None:
    """`shutdown /a` takes a restart back, and says so where there is none."""

    async def body() -> None:
        begun: list[bool] = []
        restarts = Restarts(lambda: begun.append(True))
        assert restarts.cancel() == NOT_SCHEDULED
        restarts.ask(5)
        assert restarts.cancel() is None
        await asyncio.sleep(10)
        assert begun == []

    virtual_time(body())


def test_at_once_leaves_time_to_answer(virtual_time: Run) -> None:
    """A restart without delay is under way at once, and begins when the command that asked has answered."""

    async def body() -> None:
        begun: list[float] = []
        loop = asyncio.get_running_loop()
        restarts, start = Restarts(lambda: begun.append(loop.time())), loop.time()
        restarts.ask(0)
        assert restarts.ask(0) == IN_PROGRESS
        await asyncio.sleep(1)
        assert begun == pytest.approx([start + LEAST_DELAY], abs=0.1)

    virtual_time(body())
