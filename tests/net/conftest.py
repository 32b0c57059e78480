"""Run a test's body on each event loop the emulator supports."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from emulator.net.loop import IS_HERE, ChannelLoop

Run = Callable[[Coroutine[Any, Any, None]], None]
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
    **({"channel": ChannelLoop} if IS_HERE else {}),
}


@pytest.fixture(scope="session", autouse=True)
def libuv_is_awake() -> None:
    """Let libuv open the pipe that it keeps for the whole process, before any test counts descriptors."""
    uvloop.new_event_loop().close()


@pytest.fixture(params=sorted(LOOPS))
def run(request: pytest.FixtureRequest) -> Run:
    """Run a coroutine to its end, on plain asyncio, on uvloop and on our own loop; no task may be left."""

    def runner(body: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runs:
            runs.run(alone(body))

    return runner


async def alone(body: Coroutine[Any, Any, None]) -> None:
    """Wait for `body`, which must end its tasks."""
    await body
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left running: {left}"
