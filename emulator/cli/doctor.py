"""`doctor`: what works exactly on this machine, what degrades, and why."""

import dataclasses
from typing import TYPE_CHECKING, Literal

import typer

from emulator.cli.ending import FAILED
from emulator.cli.options import ConfigFile, Json, print_json

if TYPE_CHECKING:
    from emulator.cli.checks import Check

HOSTS: tuple[Literal["pwsh", "wine"], ...] = ("pwsh", "wine")
STYLES = {"exact": "green", "degraded": "yellow", "broken": "red"}


def doctor(*, config: ConfigFile = None, as_json: Json = False) -> None:
    """Say what works exactly on this machine, what degrades and why; exits 1 where nothing could run."""
    from emulator.app.config import load_config
    from emulator.cli import checks
    from emulator.cli.loop import run
    from emulator.control import state
    from emulator.machines.sandbox.host import probe_network, probe_sandbox
    from emulator.machines.winrm.chain import lacking

    found = [*checks.all_checks(state.home()), checks.guest(run(probe_sandbox()))]
    found.append(checks.network(run(probe_network())))
    windows = load_config(config, {}).windows
    for choice in HOSTS:
        why = run(lacking(choice, str(windows.pwsh or "")))
        found.append(checks.command_host(choice, why, is_wanted=choice in windows.hosts))
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
