"""`diagnose`: run a client's command, watch the channel meanwhile, and say what ended its connections."""

import datetime
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.ending import FAILED
from emulator.cli.options import ControlUrl, Json, print_json
from emulator.errors import InvalidInputError

if TYPE_CHECKING:
    from emulator.control.client import Control
    from emulator.scenarios.diagnosis import Finding

SETTLES, LONGEST = 1.0, 10.0
"""Real seconds without news after which all that ended is taken to be recorded, and the most to wait for that."""
POLL = 0.2


def diagnose(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="The client's command and its arguments.")
    ],
    *,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Run a client's command over the running channel, then say what ended each connection, and what to change.

    What the command prints goes where it always goes (with --json all of it to standard error). Exits 1 when the
    command failed.
    """
    from emulator.control.client import find
    from emulator.scenarios.diagnosis import diagnosed, of_command
    from emulator.scenarios.reading import catalogue

    running = find(control)
    scale = float(running.status()["time_scale"])
    began = datetime.datetime.now(datetime.UTC)
    code = _run(command, as_json=as_json)
    found = diagnosed(of_command(_settled(running), began, scale), catalogue())
    if as_json:
        print_json({"exit_code": code, "connections": [asdict(each) for each in found]})
    else:
        _tell(code, found)
    if code:
        raise typer.Exit(FAILED)


def _run(command: list[str], *, as_json: bool) -> int:
    try:
        return subprocess.run(command, stdout=sys.stderr if as_json else None, check=False).returncode  # noqa: S603 - the user's own
    except OSError as error:
        raise InvalidInputError(f"COMMAND: {command[0]}: cannot be run: {error.strerror}") from None


def _settled(running: "Control") -> list[dict[str, Any]]:
    """The events, once no more come: the record of a connection is made when it ends at each hop."""
    deadline = time.monotonic() + LONGEST
    events = list(running.events())
    quiet = time.monotonic() + SETTLES
    waiting = threading.Event()
    while time.monotonic() < min(quiet, deadline):
        waiting.wait(POLL)
        more = list(running.events())
        if len(more) != len(events):
            events, quiet = more, time.monotonic() + SETTLES
    return events


def _tell(code: int, found: "list[Finding]") -> None:
    typer.echo(f"\nthe command ended with exit code {code}", err=True)
    if not found:
        typer.echo("✗ no connection of it reached the channel: see `aib-emulator status` for where to dial", err=True)
    for each in found:
        times = f" ({each.count} connections alike)" if each.count > 1 else ""
        typer.echo(f"{'✓' if each.is_well else '✗'} {each.hop}: {each.why}{times}", err=True)
        if each.change:
            typer.echo(f"    change: {each.change}", err=True)
        if each.scenario:
            typer.echo(f"    like:   aib-emulator scenario show {each.scenario}", err=True)
