"""`serve control`, `load-balancer`, `proxy` and `gateway`: a hop in a process of its own, as containers run it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from emulator.cli.options import print_line
from emulator.errors import UnavailableError

if TYPE_CHECKING:
    import socket

    from emulator.app.fleet.messages import FleetRole


async def serve(role: str, host: str, port: int, *, as_json: bool) -> None:
    """Play a hop until SIGTERM or Ctrl-C.

    Raises:
        InvalidInputError: settings or resources are wrong.
        UnavailableError: a port is taken, or control does not answer.
    """
    stop = asyncio.Event()
    async with _signals(stop), _hop(role, host, port, stop) as detail:
        print_line({"role": role, "detail": detail}) if as_json else print(f"{role}: {detail}", flush=True)
        await stop.wait()


def _hop(role: str, host: str, port: int, stop: asyncio.Event) -> AbstractAsyncContextManager[str]:
    if role == "control":
        return _control(host, port, stop)
    return _member(cast("FleetRole", role), host)


@contextlib.asynccontextmanager
async def _control(host: str, port: int, stop: asyncio.Event) -> AsyncIterator[str]:
    from emulator.app.config import load_config
    from emulator.app.fleet.control import controlling
    from emulator.control import state

    config = load_config(_settings_file(), {})
    with contextlib.closing(_bound(host, port)) as bound:
        async with controlling(config, state.make(state.home()), bound, stop.set) as fleet:
            yield f"control API at {fleet.control}, topology {fleet.world.topology}"


@contextlib.asynccontextmanager
async def _member(role: "FleetRole", host: str) -> AsyncIterator[str]:
    from emulator.app.fleet.hop import from_environment, playing

    async with playing(from_environment(role, host)) as hop:
        yield f"plays {hop.link.scenery.hop if hop.link.scenery else role}, following {hop.settings.control}"


def _settings_file() -> Path | None:
    """The mounted settings; a container without them has the defaults."""
    file = os.environ.get("AIB_EMULATOR_CONFIG")
    return Path(file) if file and Path(file).is_file() else None


def _bound(host: str, port: int) -> "socket.socket":
    from emulator.net.listener import bind

    try:
        return bind(host, port)
    except OSError as error:
        raise UnavailableError(f"port {port} on {host}: {error.strerror}; --listen sets another") from None


@contextlib.asynccontextmanager
async def _signals(stop: asyncio.Event) -> AsyncIterator[Any]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
