"""Options that several commands share, and how they print for machines."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print machine-readable output on standard output.")]
ControlUrl = Annotated[
    str | None,
    typer.Option(
        "--control",
        metavar="URL",
        help="The control API of a running emulator; by default the one of the state folder. Its token is "
        "AIB_EMULATOR_TOKEN, or the state folder's.",
    ),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", metavar="FILE", help="Settings, as in emulator.yaml.")
]
Topology = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="existing-vnet (default), public-ip or container-instance."),
]
Guest = Annotated[
    str | None,
    typer.Option(
        metavar="BACKEND", help="What runs the Linux build VM's commands: auto, sandbox, container or builtin."
    ),
]


def print_json(value: Any) -> None:
    """One JSON value on standard output, for machines and people alike."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_line(value: Any) -> None:
    """One JSON value on one line, and at once: whoever follows a stream waits for it."""
    print(json.dumps(value, ensure_ascii=False), flush=True)
