"""`check`: the documentation's checklist for a build's network, offline, and what mends each item."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emulator.cli.ending import FAILED
from emulator.cli.offline import Resources, world_of
from emulator.cli.options import ConfigFile, Json, Topology, print_json

if TYPE_CHECKING:
    from emulator.rules.checklist import Finding


def check(
    template: Annotated[
        Path | None, typer.Argument(metavar="TEMPLATE.json", help="The image template of the build.")
    ] = None,
    *,
    config: ConfigFile = None,
    resources: Resources = None,
    topology: Topology = None,
    everything: Annotated[bool, typer.Option("--all", help="Show the items that are in order, too.")] = False,
    as_json: Json = False,
) -> None:
    """Check a network before a build: what was found, why it matters, and the command that mends it.

    Exits 1 when an item failed; warnings and what could not be judged do not fail it.
    """
    from emulator.app import questions

    world = world_of(config, resources, template=template, topology=topology)
    found = questions.check(world)
    if as_json:
        print_json({"findings": [_json(each) for each in found], **_counts(found)})
    else:
        _draw(found, everything=everything)
    if any(each.state == "failed" for each in found):
        raise typer.Exit(FAILED)


def _json(finding: "Finding") -> dict[str, Any]:
    return {
        "name": finding.name,
        "state": finding.state,
        "resource": finding.resource.text,
        "found": finding.found,
        "why": finding.why,
        "mend": finding.mend,
        "source": finding.source,
    }


def _counts(found: "tuple[Finding, ...]") -> dict[str, int]:
    states = ("ok", "warning", "failed", "unknown")
    return {state: sum(each.state == state for each in found) for state in states}


def _draw(found: "tuple[Finding, ...]", *, everything: bool) -> None:
    from emulator.cli import traces
    from emulator.cli.show import console

    out = console()
    for finding in found:
        if everything or finding.state != "ok":
            for line in traces.finding(finding):
                out.print(line, soft_wrap=True)
    counts = _counts(found)
    out.print(f"{counts['ok']} in order, {counts['failed']} failed, {counts['warning']} warnings, ", end="")
    out.print(f"{counts['unknown']} not known for want of resources")
