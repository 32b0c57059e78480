"""What every test may ask for (virtual time), and what no test may do (leave a file open)."""

import asyncio
import gc
import os
import socket
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, settings

from tests.virtual_time import JumpingLoop

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
"""How long an example takes is the machine's affair; pytest's own limit ends what hangs."""

Run = Callable[[Coroutine[Any, Any, None]], None]
OPEN = Path("/proc/self/fd")


@pytest.fixture
def virtual_time() -> Run:
    """Run a coroutine to its end on a clock that jumps to the next timer; no task may be left."""

    def runner(body: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=JumpingLoop) as runs:
            runs.run(_alone(body))

    return runner


async def _alone(body: Coroutine[Any, Any, None]) -> None:
    await body
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks left running: {left}"


@pytest.fixture(scope="session", autouse=True)
def libuv() -> None:
    """A process's first uvloop opens a pipe for signals that stays; let no test seem to have left it."""
    uvloop.new_event_loop().close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what hangs on the machine's own time a second chance; the summary names each test that needed it (R)."""
    for item in items:
        if item.get_closest_marker("network") or item.get_closest_marker("containers"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True)
def leak_check(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test marked `network` closes every descriptor that it opened."""
    if request.node.get_closest_marker("network") is None or not OPEN.is_dir():
        yield
        return
    before = open_files()
    yield
    gc.collect()
    left = {number: target for number, target in open_files().items() if before.get(number) != target}
    leaked = {number: target for number, target in left.items() if not is_of_a_loop(number, target)}
    assert not leaked, f"descriptors left open: {leaked}"


def open_files() -> dict[int, str]:
    """The descriptors of this process and what each refers to."""
    found = {}
    for link in tuple(OPEN.iterdir()):
        try:
            found[int(link.name)] = str(link.readlink())
        except FileNotFoundError:
            continue  # the descriptor that listed them
    return found


def is_of_a_loop(number: int, target: str) -> bool:
    """Whether a descriptor may belong to the test's own event loop, which pytest closes after this check."""
    if target.startswith("anon_inode:[event"):
        return True
    if not target.startswith("socket:"):
        return False
    with socket.socket(fileno=os.dup(number)) as copy:
        return copy.family == socket.AF_UNIX
