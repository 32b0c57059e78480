"""What the offline commands share: a world out of settings and files."""

import gc
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from emulator.model.switches import Switches
    from emulator.model.world import World
    from emulator.rules.deployment import Wanted

Resources = Annotated[
    list[Path] | None,
    typer.Option(
        "--resources",
        "-r",
        metavar="PATH",
        help="Azure JSON: a file, or a folder of *.json; can be given several times, beside those of --config.",
    ),
]
NO_SETTINGS = frozenset({"AIB_EMULATOR_HOME", "AIB_EMULATOR_TOKEN"})
SHOWN = 10
"""Warnings that are shown; an export of a part of a subscription can have hundreds."""


def world_of(
    config: Path | None,
    resources: list[Path] | None,
    *,
    template: Path | None = None,
    topology: str | None = None,
    optional: bool = False,
) -> "World":
    """The world of settings and files; what is odd about it goes to standard error.

    With `optional` a world will do whose resources do not say where builds run: it has no channel.

    Raises:
        InvalidInputError: with one line for each finding.
    """
    from emulator.app.worlds import load_world, with_template

    gc.disable()  # the process answers one question and ends: what it makes is garbage only then
    paths, wanted, switches = _settings(config, topology)
    more, wanted = with_template(template, wanted) if template else ((), wanted)
    wanted = replace(wanted, optional=optional)
    world = load_world(*paths, *(resources or ()), resources=more, wanted=wanted, switches=switches)
    warn(world.warnings)
    return world


def _settings(config: Path | None, topology: str | None) -> "tuple[tuple[Path, ...], Wanted, Switches]":
    """Files, wishes and switches; where nothing is set, checking settings would take longer than the question."""
    from emulator.model.switches import Switches
    from emulator.rules.deployment import Wanted

    variables = {name for name in os.environ if name.startswith("AIB_EMULATOR_")} - NO_SETTINGS
    if config is None and topology is None and not variables:
        return (), Wanted(), Switches()
    from emulator.app.config import load_config

    settings = load_config(config, {"topology": topology})
    return settings.resources, settings.wanted, settings.switch_values


def warn(warnings: Iterable[str]) -> None:
    """A line for each warning, the first few; then how many there are more."""
    found = tuple(warnings)
    for line in found[:SHOWN]:
        typer.echo(f"warning: {line}", err=True)
    if len(found) > SHOWN:
        typer.echo(f"warning: and {len(found) - SHOWN} more like these", err=True)
