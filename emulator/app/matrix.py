"""Play the close-reason matrix: a world for each cell, a client at work in it, and its connections ended once."""

import asyncio
import contextlib
import datetime
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from emulator.app.channel import Channel
from emulator.app.config import load_config
from emulator.app.run import start
from emulator.app.stage import Stage
from emulator.errors import PeerError
from emulator.scenarios import programs, tools
from emulator.scenarios.clients import Target
from emulator.scenarios.matrix import ENDS, WITHHELD, Cell, End, Report
from emulator.scenarios.tools import TOOLS, Tool

BEGINS = 60.0
"""Real seconds for a client to have its command begin."""
POLL = 0.1
STARTING, WAITING = 2, 12
"""How many cells may start at once, which takes the processor, and how many may wait, which takes nothing."""
NOT_BEGUN = "the command never began"
Tell = Callable[[Report], None]


@dataclass(slots=True)
class _Limits:
    starting: asyncio.Semaphore
    waiting: asyncio.Semaphore


async def reported(cells: Iterable[Cell], tell: Tell, *, patience: float, at_once: int = STARTING) -> None:
    """Play cells, several at once, each in a world of its own, and tell of each when it is done.

    Args:
        cells: of `scenarios.matrix.cells`.
        tell: takes a report.
        patience: real seconds after which a client counts as still waiting.
        at_once: how many worlds and clients may start at once.
    """
    limits = _Limits(asyncio.Semaphore(at_once), asyncio.Semaphore(WAITING))
    async with asyncio.TaskGroup() as group:
        for each in cells:
            group.create_task(_played(each, tell, patience, limits))


async def _played(cell: Cell, tell: Tell, patience: float, limits: _Limits) -> None:
    async with limits.waiting:
        tell(await _report(cell, patience, limits.starting))


async def _report(cell: Cell, patience: float, starting: asyncio.Semaphore) -> Report:
    tool, clock = TOOLS[cell.client], asyncio.get_running_loop().time
    async with contextlib.AsyncExitStack() as stack:
        async with starting:
            stage = await stack.enter_async_context(_stage())
            client = await stack.enter_async_context(_at_work(tool, stage, cell.end))
            begun = await _begun(stage.channel, tool, client)
            ended = clock()
            if begun:
                await _end(stage.channel, cell)
        code = await client.ended(patience)
        said = tool.reported(client.said, client.target)
        return Report(
            cell,
            await asyncio.to_thread(tool.version),
            said if begun else f"{NOT_BEGUN}: {said}",
            tool.ends(code),
            clock() - ended,
            waits=code is None,
            approximated=cell.end == "silent-drop" and not stage.exact,
        )


async def _end(channel: Channel, cell: Cell) -> None:
    """End the connections that are open, once; or the command, without its exit status."""
    channel.add_fault(ENDS[cell.end].fault, hop=cell.hop, name="end")
    if cell.end == WITHHELD:
        with contextlib.suppress(PeerError):  # its exit status is withheld, too
            await channel.run(cell.system, f"echo go > {tools.GO}")
    else:
        channel.remove_fault("end")


@contextlib.asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    settings = {"listen": "auto", "guest": "builtin", "time_scale": 1}
    async with start(config=load_config(None, settings, {})) as channel:
        yield Stage(channel, datetime.datetime.now(datetime.UTC))


class _Client:
    """A client's process, and what it said so far."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.said = ""
        self.task: asyncio.Task[tuple[int, str]] | None = None

    def hear(self, piece: str) -> None:
        self.said += piece

    @property
    def is_over(self) -> bool:
        return self.task is not None and self.task.done()

    async def ended(self, seconds: float) -> int | None:
        """Its exit code; None when it has not ended in time."""
        assert self.task  # noqa: S101 - it is at work
        done, _ = await asyncio.wait({self.task}, timeout=seconds)
        return self.task.result()[0] if done else None


@contextlib.asynccontextmanager
async def _at_work(tool: Tool, stage: Stage, end: End) -> AsyncIterator[_Client]:
    """A client that runs a command, ended with the body."""
    with tempfile.TemporaryDirectory("-aib-emulator-matrix") as folder:
        async with stage.target(tool.system) as target, asyncio.TaskGroup() as group:
            client = _Client(target)
            line = tool.line(target, tool.command(end), Path(folder))
            running = programs.to_its_end(line, client.hear, tools.environment(tool, folder), folder)
            client.task = group.create_task(running)
            yield client
            client.task.cancel()


async def _begun(channel: Channel, tool: Tool, client: _Client) -> bool:
    """Whether the client's command has begun; not if the client ended first, or never got so far."""
    mark = tools.MARKS[tool.system]
    asking = f"test -e {mark} && echo begun" if tool.system == "linux" else f"if exist {mark} echo begun"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(BEGINS):
            while not client.is_over:
                with contextlib.suppress(PeerError):
                    if b"begun" in (await channel.run(tool.system, asking)).stdout:
                        return True
                await asyncio.sleep(POLL)
    return False
