"""What people read of a scenario: what it is, and how its play went, the client's side beside the hops'."""

import dataclasses
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emulator.cli.show import console
from emulator.observe import Event, Observation, Record
from emulator.observe import as_json as event_as_json

if TYPE_CHECKING:
    from emulator.app.playing import Played, Told
    from emulator.scenarios.scenario import Scenario

WIDTH = 100
SHOWN = 300
"""Characters of what a client printed."""
HOP_ORDER = ("client", "private-endpoint", "load-balancer", "proxy", "build-linux", "build-windows")


def described(scenario: "Scenario") -> Iterator[str]:
    """A scenario for a person, line by line."""
    from emulator.scenarios.step import SYMPTOMS

    yield f"{scenario.name}: {scenario.title}"
    yield ""
    yield f"  hop         {scenario.hop}"
    yield f"  symptom     {scenario.symptom}: the client's view: {SYMPTOMS[scenario.symptom]}"
    yield f"  in Azure    {scenario.in_azure}"
    yield f"  time scale  {scenario.time_scale:g}, at most {scenario.largest_time_scale:g}"
    if scenario.needs:
        yield f"  needs       {', '.join(scenario.needs)}"
    for each in scenario.texts:
        yield f"  | {each}"
    for title, text in (("Why", scenario.explanation), ("Mend", scenario.fix)):
        yield ""
        yield title
        yield from textwrap.wrap(text.strip(), WIDTH, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield "Reported"
    yield from (f"  {each}" for each in scenario.references)


def tell(found: "Played") -> None:
    """How a play went, step by step, and whether it was as the scenario says."""
    out = console()
    out.print(Text(f"{found.scenario.name}: {found.scenario.title}", "bold"))
    for number, each in enumerate(found.steps, 1):
        _tell_step(out, number, each)
    out.print()
    for line in found.wrong:
        out.print(Text(f"✗ {line}", "bold red"))
    if not found.wrong:
        out.print(
            Text(f"✓ as the scenario says, in {found.seconds:.1f} s; in Azure {found.scenario.in_azure}", "green")
        )
    for title, text in (("why   ", found.scenario.explanation), ("mend  ", found.scenario.fix)):
        out.print(Text.assemble((title, "dim"), text.strip()))


def _tell_step(out: Console, number: int, step: "Told") -> None:
    out.print()
    out.print(Text.assemble((f" {number} ", "bold reverse cyan"), f" {step.what}"))
    if step.seen is None and not step.events:
        return
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 3))
    table.add_column("the client sees", ratio=2, overflow="fold")
    table.add_column("what happened, hop by hop", ratio=3, overflow="fold")
    table.add_row(_seen(step), Text("\n").join(_happened(each) for each in in_hop_order(step.events)))
    out.print(table)


def _seen(step: "Told") -> Text:
    if step.seen is None:
        return Text("–", "dim")
    mark = ("✗ ", "bold red") if step.wrong else ("✓ ", "green")
    said = printable(step.seen.said.strip())[:SHOWN]
    return Text.assemble(mark, (str(step.seen), "bold"), f" after {step.seen.seconds:.1f} s\n", (said, "dim"))


def _happened(event: Event) -> Text:
    style = "" if isinstance(event, Record) and event.reason.kind != "peer" else "dim"
    approximated = " ≈" if isinstance(event, Record) and event.approximated else ""
    return Text.assemble((event.hop or "control", "cyan"), approximated, " ", (event.sentence, style))


def in_hop_order(events: tuple[Event, ...]) -> list[Event]:
    """Observations as they came, and the records of each connection in the order in which it met their hops."""
    first: dict[str, int] = {}
    for place, event in enumerate(events):
        first.setdefault(_flow(event, place), place)
    return [
        event
        for _, _, event in sorted(
            ((first[_flow(event, place)], _order(event), event) for place, event in enumerate(events)),
            key=lambda each: each[:2],
        )
    ]


def _flow(event: Event, place: int) -> str:
    return event.flow if isinstance(event, Record) else str(place)


def _order(event: Event) -> int:
    known = isinstance(event, Record) and event.hop in HOP_ORDER
    return HOP_ORDER.index(event.hop) if known else 0


def printable(text: str) -> str:
    """Text with what would move a terminal's cursor left out."""
    return "".join(each if each.isprintable() or each == "\n" else "·" for each in text)


def as_json(found: "Played") -> dict[str, Any]:
    """How a play went, for machines."""
    return {
        "name": found.scenario.name,
        "as_expected": not found.wrong,
        "wrong": list(found.wrong),
        "seconds": round(found.seconds, 2),
        "in_azure": found.scenario.in_azure,
        "steps": [_step_as_json(each) for each in found.steps],
    }


def _step_as_json(step: "Told") -> dict[str, Any]:
    seen = step.seen
    client = None if seen is None else {**dataclasses.asdict(seen), "seconds": round(seen.seconds, 2)}
    events = [_event_as_json(each) for each in step.events]
    return {"step": step.what, "client": client, "wrong": step.wrong, "events": events}


def _event_as_json(event: Event) -> dict[str, Any]:
    found = event_as_json(event)
    return {"kind": "observation", **found} if isinstance(event, Observation) else dict(found)
