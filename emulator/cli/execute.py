"""`exec`: one command over the running channel."""

import shlex
import subprocess
import sys
from typing import Annotated, Any

import typer

from emulator.cli.options import ControlUrl, Json, print_json
from emulator.errors import InvalidInputError, UnavailableError

SYSTEMS = ("linux", "windows")
HIGHEST = 255
"""The highest exit code that a process of this machine can have."""


def execute(
    system: Annotated[str, typer.Argument(metavar="linux|windows", help="The build VM.")],
    command: Annotated[
        list[str],
        typer.Argument(
            metavar="COMMAND…", help="After --. One word is a line for the remote shell; several arrive as typed."
        ),
    ],
    *,
    timeout: Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How long to wait for its end.")] = 60.0,
    control: ControlUrl = None,
    as_json: Json = False,
) -> None:
    """Run a command on a build VM, through the channel, and pass its exit code on.

    One that does not end in time, or is cut off, is exit code 1, with what it had said.
    """
    from emulator.app.channel import run_at
    from emulator.app.status import Endpoint, Exact
    from emulator.channels.base import UnfinishedError
    from emulator.cli.loop import run
    from emulator.control.client import find

    if system not in SYSTEMS:
        raise InvalidInputError(f"system: found {system!r}, expected one of {', '.join(SYSTEMS)}")
    if not "".join(command).strip():
        raise InvalidInputError("COMMAND: found nothing, expected a command after --")
    found: dict[str, Any] = find(control).status()["endpoints"].get(system, {})
    if not found:
        raise UnavailableError(f"the running world has no {system} build VM")
    endpoint = Endpoint(**{**found, "exact": Exact(**found["exact"])})
    windows = system == "windows"
    running = run_at(endpoint, "windows" if windows else "linux", line(command, windows=windows), seconds=timeout)
    try:
        outcome = run(running)
    except UnfinishedError as error:
        _print(None, error.stdout, error.stderr, as_json=as_json)
        raise
    _print(outcome.exit_code, outcome.stdout, outcome.stderr, as_json=as_json)
    raise typer.Exit(local_code(outcome.exit_code))


def _print(code: int | None, stdout: bytes, stderr: bytes, *, as_json: bool) -> None:
    """What a command said, and its exit code; None where its end did not come."""
    if as_json:
        texts = {"stdout": stdout.decode(errors="replace"), "stderr": stderr.decode(errors="replace")}
        print_json({"exit_code": code, **texts})
        return
    sys.stdout.buffer.write(stdout)
    sys.stdout.flush()
    sys.stderr.buffer.write(stderr)
    sys.stderr.flush()


def line(words: list[str], *, windows: bool) -> str:
    """What the remote shell gets: one word as it is, several so quoted that they arrive as they were typed."""
    if len(words) == 1:
        return words[0]
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


def local_code(remote: int) -> int:
    """The exit code that says the same here; Windows has 32 bits of it, and 256 must not become success."""
    return remote if 0 <= remote <= HIGHEST else HIGHEST
