"""Draw what the offline commands decide: the legs of a path, rules and routes, the items of a checklist."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from emulator.model.arm.findings import printable
from emulator.reason import Outcome
from emulator.rules.ends import End
from emulator.rules.legs import Leg, Path

if TYPE_CHECKING:
    from emulator.rules.checklist import Finding

MARKS = {Outcome.CARRIED: ("✓", "green"), Outcome.DROPPED: ("✗", "bold red"), Outcome.REFUSED: ("↩", "bold red")}
NAME_WIDTH = 20


def trace(name: str, source: End, path: Path) -> Iterator[Text]:
    """A path from its source down: each hop on a line, and between two what the leg says."""
    end = path.end().verdict
    word = {Outcome.CARRIED: "reached", Outcome.DROPPED: "dropped", Outcome.REFUSED: "refused"}[end.outcome]
    yield Text.assemble((name, "bold"), "  ", (word, MARKS[end.outcome][1]))
    yield _node(source.name, str(source.address), reached=True)
    for leg in path.legs:
        yield from _leg(leg)


def _leg(leg: Leg) -> Iterator[Text]:
    """What the leg was asked, each answer on a line; Azure's own routes are no news."""
    met = [
        each for each in leg.checks if each.reason.kind != "route" or not each.carried or "Azure's" not in str(each)
    ]
    last = [] if leg.verdict in leg.checks else [leg.verdict]
    for verdict in (*met, *last):
        mark, style = MARKS[verdict.outcome]
        yield Text.assemble(("  │ ", "dim"), (mark, style), " ", verdict.sentence)
        if not verdict.carried and verdict.reason.id:
            yield Text.assemble(("  │   ", "dim"), (verdict.reason.id, "dim"))
    target = f"{leg.flow.destination}:{leg.flow.destination_port}"
    yield _node(leg.name.partition(" → ")[2], target, reached=leg.verdict.carried)


def _node(name: str, address: str, *, reached: bool) -> Text:
    style = "bold" if reached else "dim"
    return Text.assemble(
        ("  ● " if reached else "  ○ ", style), (name.ljust(NAME_WIDTH - 1) + " ", style), (address, "cyan")
    )


def probe(outcome: str, sentence: str) -> Text:
    """One line for a health probe."""
    mark, style = MARKS[Outcome(outcome)]
    return Text.assemble(("health probe ", "dim"), (mark, style), " ", sentence)


def effective(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Tables of the rules and the routes of an interface."""
    yield Text.assemble(("network interface ", "dim"), (found["networkInterface"]["id"], "bold"))
    for group in found["effectiveNetworkSecurityGroups"]["value"]:
        by = next(iter(group["association"]))
        yield Text.assemble(
            "\n", ("network security group ", "dim"), (group["networkSecurityGroup"]["id"], "bold"), f", by {by}"
        )
        yield from _rules(group["effectiveSecurityRules"])
    if not found["effectiveNetworkSecurityGroups"]["value"]:
        yield Text("no network security group: everything is allowed", "yellow")
    yield Text("\nroutes", "dim")
    yield _routes(found["effectiveRoutes"]["value"])


def _rules(rules: list[Mapping[str, Any]]) -> Iterator[Text]:
    """The rules of a group in the order in which they are tried, a line each."""
    before = ""
    for rule in rules:
        if rule["direction"] != before:
            before = rule["direction"]
            yield Text(before, "dim")
        yield _rule(rule)


def _rule(rule: Mapping[str, Any]) -> Text:
    access = (rule["access"].ljust(5), "green" if rule["access"] == "Allow" else "bold red")
    source, target = _values(rule, "sourceAddressPrefix"), _values(rule, "destinationAddressPrefix")
    own = _values(rule, "sourcePortRange")
    from_ports = "" if own == "*" else f" from ports {own}"
    what = f" {source} → {target}, {rule['protocol']} {_values(rule, 'destinationPortRange')}{from_ports}  "
    return Text.assemble(
        f"{rule['priority']:>5} ", access, what, (rule["name"].removeprefix("securityRules/"), "dim")
    )


def _values(rule: Mapping[str, Any], key: str) -> str:
    """The value of a field that is written in the singular or the plural; every port is `*`."""
    plural = key + ("es" if key.endswith("Prefix") else "s")
    found = [rule[key]] if key in rule else rule.get(plural, ["nobody"])
    return ", ".join("*" if each == "0-65535" else _single(each) for each in found)


def _single(text: str) -> str:
    first, dash, last = text.partition("-")
    return first if dash and first == last else text


def _routes(found: list[Mapping[str, Any]]) -> Table:
    table = _table("prefix", "next hop", "address", "source", "state", "name")
    for route in found:
        style = "" if route["state"] == "Active" else "dim"
        cells = (", ".join(route["addressPrefix"]), route["nextHopType"], ", ".join(route["nextHopIpAddress"]))
        table.add_row(*cells, route["source"], route["state"], route.get("name", ""), style=style)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


STATES = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failed": ("✗", "bold red"), "unknown": ("?", "cyan")}


def finding(found: "Finding") -> Iterator[Text]:
    """One item of the checklist: what was found, why it matters, and what mends it."""
    mark, style = STATES[found.state]
    yield Text.assemble((mark, style), " ", (found.name, "bold"), f"  {printable(found.found)}")
    if found.state == "ok":
        return
    yield Text.assemble(("  resource  ", "dim"), (printable(found.resource.text), "dim"))
    yield Text.assemble(("  why       ", "dim"), found.why)
    if found.mend:
        yield Text.assemble(("  mend      ", "dim"), (printable(found.mend), "cyan"))
    yield Text.assemble(("  source    ", "dim"), (found.source, "dim"))
    yield Text("")
