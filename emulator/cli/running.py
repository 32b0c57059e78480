"""`up`, `down` and `status`: run an emulator, end it, ask it how it is."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.ending import FAILED
from emulator.cli.options import ConfigFile, ControlUrl, Guest, Json, Topology, print_json, print_line

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.app.channel import Channel
    from emulator.app.config import Config

STOP_PATIENCE = 15.0
"""Real seconds for a told emulator to be gone."""


def up(
    *,
    config: ConfigFile = None,
    topology: Topology = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Go to the background once it is ready.")] = False,
    listen: Annotated[
        str | None, typer.Option(metavar="auto", help="auto takes free ports, so that several can run.")
    ] = None,
    time_scale: Annotated[
        float | None, typer.Option(metavar="N", help="Emulated seconds that pass in a real one, for every timer.")
    ] = None,
    guest: Guest = None,
    as_json: Json = False,
) -> None:
    """Run the channel until Ctrl-C, or in the background with --detach; ready once each path has been tried."""
    from emulator.app.config import load_config
    from emulator.control import state

    given = {"topology": topology, "listen": listen, "time_scale": time_scale, "guest": guest}
    chosen = load_config(config, given)
    home = state.make(state.home())
    if detach:
        _detached(chosen, home, as_json=as_json)
    else:
        from emulator.cli.loop import run

        run(_attended(chosen, home, as_json=as_json))


def _detached(config: "Config", home: "Path", *, as_json: bool) -> None:
    from emulator.cli import daemon
    from emulator.cli.offline import warn

    status = daemon.detached(config, home)
    warn(status["warnings"])
    _show_summary(status, as_json=as_json)
    if not as_json:
        typer.echo(
            f"It runs in the background and logs to {home / daemon.LOG}; `aib-emulator down` ends it.", err=True
        )


async def _attended(config: "Config", home: "Path", *, as_json: bool) -> None:
    """Run in the foreground: say how to connect, then what happens."""
    import asyncio

    from emulator.app.service import serve_channel

    loop = asyncio.get_running_loop()
    ready: asyncio.Future[Channel] = loop.create_future()
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(_tell(ready, as_json=as_json))
        try:
            await serve_channel(config, home, None, ready.set_result)
        finally:
            telling.cancel()


async def _tell(ready: "Any", *, as_json: bool) -> None:
    from emulator.cli.offline import warn
    from emulator.observe import as_json as event_as_json

    channel: Channel = await ready
    warn(channel.status.warnings)
    _show_summary(channel.status.as_json(), as_json=as_json, one_line=True)
    if not as_json:
        typer.echo("Events from here on; Ctrl-C ends it.\n", err=True)
    async for event in channel.follow():
        if as_json:
            print_line(event_as_json(event))
        else:
            print(f"{event.time[11:19]}  {event.sentence}", flush=True)


def down(*, control: ControlUrl = None, as_json: Json = False) -> None:
    """End the running emulator and everything it started."""
    from emulator.cli import daemon
    from emulator.control import state

    ended = None if control else daemon.end(state.home(), STOP_PATIENCE)
    stopped = f"process {ended}" if ended is not None else _end_another(control)
    if as_json:
        print_json({"stopped": bool(stopped), "pid": ended})
    else:
        typer.echo(f"ended {stopped}" if stopped else "nothing is running", err=True)


def _end_another(control: str | None) -> str:
    """End the emulator at a URL, or a composed one that is published here; what it was, or nothing."""
    from urllib.parse import urlsplit

    from emulator.control import client, engine

    if not control and not client.answers(client.PUBLISHED):
        return ""
    running = client.find(control)
    if running.status()["runtime"] == "containers":
        return f"project {engine.end(urlsplit(running.url).port or 80)}"
    running.shutdown()
    return f"the emulator at {running.url}"


def status(*, control: ControlUrl = None, as_json: Json = False) -> None:
    """Show the hops of the path, how to connect, and what is denied; exits 1 while it is not ready."""
    from emulator.control.client import find

    found = find(control).status()
    _show_summary(found, as_json=as_json)
    if not found["ready"]:
        raise typer.Exit(FAILED)


def _show_summary(status: dict[str, Any], *, as_json: bool, one_line: bool = False) -> None:
    if as_json:
        (print_line if one_line else print_json)(status)
        return
    from emulator.cli import show

    show.summary(show.console(), status)
