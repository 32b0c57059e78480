"""Run an emulator as a service of its own: with control API and state folder, until it is told to stop."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import IO

from emulator.app.channel import Channel
from emulator.app.config import Config
from emulator.app.given import Resources
from emulator.app.run import bind_or_say, start
from emulator.control import state


@contextlib.asynccontextmanager
async def controlled(
    config: Config, home: Path, log: IO[bytes] | None, stop: asyncio.Event, resources: Resources = ()
) -> AsyncIterator[Channel]:
    """A running channel with its control API, noted in the state folder.

    Raises:
        UnavailableError: another emulator runs from this folder, or a port is taken.
    """
    state.make(home)
    state.claim(home, {"control": ""})
    try:
        port = config.listening.control
        bound = bind_or_say("control API", "127.0.0.1", 0 if port == "auto" else port)
        with contextlib.closing(bound):
            running = start(config=config, home=home, log=log, resources=resources)
            async with running as channel, _api(channel, home, bound, stop):
                yield channel
    finally:
        state.release(home)


@contextlib.asynccontextmanager
async def _api(channel: Channel, home: Path, bound: socket.socket, stop: asyncio.Event) -> AsyncIterator[None]:
    from emulator.app.build_routes import routes
    from emulator.control.api import serving

    channel.token = state.secret(home / "token", os.environ.get("AIB_EMULATOR_TOKEN"))
    async with serving(channel, channel.token, bound, stop=stop.set, more=routes(channel)) as url:
        channel.control = url
        state.claim(home, {"control": url})
        yield


async def serve_channel(
    config: Config, home: Path, log: IO[bytes] | None, on_ready: Callable[[Channel], None]
) -> None:
    """Run until SIGTERM, SIGINT or the control API says stop; then leave nothing behind.

    Raises:
        InvalidInputError: settings are wrong.
        UnavailableError: see `controlled`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with controlled(config, home, log, stop) as channel:
            on_ready(channel)
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
