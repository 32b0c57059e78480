"""What the offline commands share: a world out of settings and files."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emulator.model.world import World

Resources = Annotated[
    list[Path] | None,
    typer.Option(
        "--resources",
        "-r",
        metavar="PATH",
        help="Azure JSON: a file, or a folder of *.json; can be given several times, beside those of --config.",
    ),
]
SHOWN = 10
"""Warnings that are shown; an export of a part of a subscription can have hundreds."""


def world_of(
    config: Path | None, resources: list[Path] | None, *, template: Path | None = None, topology: str | None = None
) -> "World":
    """The world of settings and files; what is odd about it goes to standard error.

    Raises:
        InvalidInputError: with one line for each finding.
    """
    from emulator.app.config import load_config
    from emulator.app.worlds import load_world, with_template

    settings = load_config(config, {"topology": topology})
    paths = (*settings.resources, *(resources or ()))
    more, wanted = with_template(template, settings.wanted) if template else ((), settings.wanted)
    world = load_world(*paths, resources=more, wanted=wanted, switches=settings.switch_values)
    warn(world.warnings)
    return world


def warn(warnings: Iterable[str]) -> None:
    """A line for each warning, the first few; then how many there are more."""
    found = tuple(warnings)
    for line in found[:SHOWN]:
        typer.echo(f"warning: {line}", err=True)
    if len(found) > SHOWN:
        typer.echo(f"warning: and {len(found) - SHOWN} more like these", err=True)
