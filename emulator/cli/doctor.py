"""`doctor`: what works exactly on this machine, what degrades, and why."""

import dataclasses
from typing import TYPE_CHECKING

import typer

from emulator.cli.ending import FAILED
from emulator.cli.options import Json, print_json

if TYPE_CHECKING:
    from emulator.cli.checks import Check

STYLES = {"exact": "green", "degraded": "yellow", "broken": "red"}


def doctor(*, as_json: Json = False) -> None:
    """Say what works exactly on this machine, what degrades and why; exits 1 where nothing could run."""
    from emulator.cli import checks
    from emulator.cli.loop import run
    from emulator.control import state
    from emulator.machines.sandbox.host import probe_sandbox

    found = [*checks.all_checks(state.home()), checks.guest(run(probe_sandbox()))]
    if as_json:
        print_json({"checks": [dataclasses.asdict(each) for each in found]})
    else:
        _draw(found)
    if any(each.state == "broken" for each in found):
        raise typer.Exit(FAILED)


def _draw(found: "list[Check]") -> None:
    from rich.table import Table
    from rich.text import Text

    from emulator.cli.show import console

    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in found:
        table.add_row(check.name, Text(check.state, STYLES[check.state]), check.detail)
    console().print(table)
