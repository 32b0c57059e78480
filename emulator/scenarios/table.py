"""The table of scenarios that the README has; a test keeps it there. Pure."""

from collections.abc import Iterable, Sequence

from emulator.scenarios.scenario import HOPS, Scenario
from emulator.scenarios.step import steps_of

CLIENTS = ("tcp", "tls", "ssh", "openssh", "winrm", "packer", "build")
BEGIN, END = "<!-- scenarios: a table that a test keeps true -->", "<!-- end of scenarios -->"


def rows(scenarios: Iterable[Scenario]) -> list[str]:
    """The table's lines: by hop, then by name."""
    found = sorted(scenarios, key=lambda each: (HOPS.index(each.hop), each.name))
    return [
        "| scenario | what goes wrong | hop | symptom | clients |",
        "| --- | --- | --- | --- | --- |",
        *map(_row, found),
    ]


def _row(scenario: Scenario) -> str:
    title = scenario.title.replace("|", "\\|")
    return (
        f"| `{scenario.name}` | {title} | {scenario.hop} | {scenario.symptom} | {', '.join(clients_of(scenario))} |"
    )


def clients_of(scenario: Scenario) -> Sequence[str]:
    """The clients that its script drives, in a fixed order."""
    verbs = {each.verb for each in steps_of(scenario.script)}
    return [each for each in CLIENTS if each in verbs]


def within(text: str, scenarios: Iterable[Scenario]) -> str:
    """A text with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "\n".join((f"{before}{BEGIN}", "", *rows(scenarios), "", f"{END}{after}"))
