"""`scenario matrix`: what each client reports of each end of its connection at each hop, and after how long."""

import datetime
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from emulator.cli.ending import INTERRUPTED
from emulator.cli.options import Json, print_json
from emulator.errors import UnavailableError

if TYPE_CHECKING:
    from emulator.app.matrix import Tell
    from emulator.scenarios.matrix import Cell, Report
    from emulator.scenarios.tools import Tool


def matrix(
    *,
    client: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this client, as openssh or pywinrm; several times for several."),
    ] = None,
    hop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOP", help="Only ends at this hop: load-balancer, proxy, build-linux or build-windows."
        ),
    ] = None,
    end: Annotated[
        list[str] | None,
        typer.Option(metavar="END", help="Only this end: fin, reset, silent-drop or no-exit-status."),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=1, max=600, help="Real seconds after which a client counts as still waiting.")
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Find out what each client reports when its connection ends, at each hop: FIN, RST, silent drop, no exit status.

    Each client that is installed runs a command through a world of its own. The document, in Markdown, goes to
    standard output, what is done meanwhile to standard error; Ctrl-C keeps what is done. All takes minutes.
    """
    from emulator.app import matrix as playing
    from emulator.cli.loop import run
    from emulator.scenarios.matrix import cells
    from emulator.scenarios.tools import TOOLS

    systems = {name: tool.system for name, tool in TOOLS.items()}
    wanted = cells(systems, names=client or (), hops=hop or (), ends=end or ())
    missing = _missing(TOOLS, wanted)
    todo = [each for each in wanted if each.client not in missing]
    if not todo:
        raise UnavailableError("; ".join(missing.values()))
    found: list[Report] = []
    interrupted = False
    with _progress(len(todo), found) as tell:
        try:
            run(playing.reported(todo, tell, patience=patience))
        except KeyboardInterrupt:
            interrupted = True
    _print(_in_order(found, list(TOOLS)), list(missing.values()), len(todo) - len(found), as_json=as_json)
    if interrupted:
        raise typer.Exit(INTERRUPTED)


def _missing(tools: "Mapping[str, Tool]", wanted: "Sequence[Cell]") -> dict[str, str]:
    asked = dict.fromkeys(each.client for each in wanted)
    lacking = {name: tools[name].lacking() for name in asked}
    return {name: why for name, why in lacking.items() if why}


@contextmanager
def _progress(total: int, found: "list[Report]") -> "Iterator[Tell]":
    """Keeps each report, and shows it: beside a bar on a terminal, on a line of its own elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    out = Console(stderr=True, highlight=False)
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=out, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=total)

        def tell(report: "Report") -> None:
            found.append(report)
            line = f"{report.cell}: {report.ends} after {report.seconds:.1f} s"
            if bar.disable:
                print(f"{len(found)}/{total} {line}", file=sys.stderr, flush=True)
            bar.update(task, advance=1, description=line)

        yield tell


def _in_order(found: "list[Report]", names: list[str]) -> "list[Report]":
    from emulator.scenarios.matrix import ALL_HOPS

    return sorted(found, key=lambda each: (names.index(each.cell.client), ALL_HOPS.index(each.cell.hop)))


def _print(found: "Sequence[Report]", missing: Sequence[str], left: int, *, as_json: bool) -> None:
    from emulator.scenarios import matrix as written

    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    if as_json:
        cells = [written.as_json(each) for each in found]
        print_json({"date": date, "missing": list(missing), "not_played": left, "cells": cells})
        return
    machine = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    typer.echo(written.markdown(found, date=date, machine=machine, missing=missing, left=left), nl=False)
