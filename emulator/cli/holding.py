"""Keep a scenario up for somebody's own client, with a control API of its own."""

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from emulator.app.channel import Channel
from emulator.app.config import Config
from emulator.app.playing import on_stage
from emulator.app.service import controlled
from emulator.cli import show
from emulator.cli.options import print_line
from emulator.observe import as_json as event_as_json

if TYPE_CHECKING:
    from emulator.scenarios.scenario import Scenario


async def held(scenario: "Scenario", time_scale: float | None, *, as_json: bool) -> None:
    """Start and break it, say how to reach it, then tell what happens until it is told to stop.

    Raises:
        InvalidInputError: its settings, patches or names are wrong.
        UnavailableError: this machine lacks what it needs.
    """
    with _stopped() as stop, tempfile.TemporaryDirectory("-aib-emulator-scenario") as folder:

        @contextlib.asynccontextmanager
        async def starter(config: Config) -> AsyncIterator[Channel]:
            async with controlled(config, Path(folder), None, stop) as channel:
                yield channel

        async with on_stage(scenario, time_scale=time_scale, starter=starter) as stage, asyncio.TaskGroup() as group:
            _introduce(scenario, stage.channel, folder, as_json=as_json)
            telling = group.create_task(_tell(stage.channel, as_json=as_json))
            await stop.wait()
            telling.cancel()


@contextlib.contextmanager
def _stopped() -> Iterator[asyncio.Event]:
    """Set by Ctrl-C, and by `down`, which sends SIGTERM."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _introduce(scenario: "Scenario", channel: Channel, folder: str, *, as_json: bool) -> None:
    status = channel.status.as_json()
    if as_json:
        print_line({"scenario": scenario.name, "home": folder, **status})
        return
    out = show.console()
    out.print(f"{scenario.name}: {scenario.title}")
    show.summary(out, status)
    typer.echo(
        f"\nOther commands reach it by AIB_EMULATOR_HOME={folder}; Ctrl-C ends it. Events from here on:\n", err=True
    )


async def _tell(channel: Channel, *, as_json: bool) -> None:
    async for event in channel.follow():
        if as_json:
            print_line(event_as_json(event))
        else:
            print(f"{event.time[11:19]}  {event.sentence}", flush=True)
