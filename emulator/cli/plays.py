"""Plays of scenarios for a person: one in full, or many on a line each."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from emulator.cli import playbill
from emulator.cli.loop import run
from emulator.cli.options import print_json
from emulator.cli.show import console

if TYPE_CHECKING:
    from emulator.app.rounds import Turn
    from emulator.scenarios.scenario import Scenario


def one(scenario: "Scenario", time_scale: float | None, *, as_json: bool) -> bool:
    """Play a scenario and tell all of it; whether it was as it says.

    Raises:
        InvalidInputError: its settings, patches or names are wrong.
        UnavailableError: this machine lacks what it needs.
    """
    from emulator.app.playing import played

    found = run(played(scenario, time_scale=time_scale))
    if as_json:
        print_json(playbill.as_json(found))
    else:
        playbill.tell(found)
    return not found.wrong


def several(
    scenarios: "Sequence[Scenario]", time_scale: float | None, *, at_once: int, repeat: int, as_json: bool
) -> bool:
    """Play scenarios, each so often, and tell each play when it ends; whether all were as they say.

    Raises:
        InvalidInputError: settings, patches or names of one are wrong.
    """
    from emulator.app.rounds import rounds

    turns: list[Turn] = []
    out, total = console(), len(scenarios) * repeat

    def tell(turn: "Turn") -> None:
        turns.append(turn)
        if not as_json:
            _tell(turn, f"{len(turns):>{len(str(total))}}/{total}")

    began = time.monotonic()
    run(rounds(scenarios, tell, at_once=at_once, repeat=repeat, time_scale=time_scale))
    wrong = [each for each in turns if not each.is_well]
    lacking = sum(bool(each.lacks) for each in turns)
    if as_json:
        print_json([_as_json(each) for each in turns])
    else:
        words = f"{total - len(wrong) - lacking} as they say, {len(wrong)} not, {lacking} not played"
        out.print(Text(f"{words}, in {time.monotonic() - began:.1f} s", "bold red" if wrong else "green"))
    return not wrong


def _tell(turn: "Turn", count: str) -> None:
    out, name = console(), turn.scenario.name
    if turn.found is None:
        mark, why = ("✗", turn.wrong) if turn.wrong else ("–", turn.lacks)
        out.print(Text(f"{count} {mark} {name}: {why}", "bold red" if turn.wrong else "dim"), soft_wrap=True)
        return
    style, mark = ("bold red", "✗") if turn.found.wrong else ("green", "✓")
    took = f"{turn.found.seconds:.1f} s; in Azure {turn.scenario.in_azure}"
    out.print(Text.assemble(f"{count} ", (mark, style), f" {name} ", (took, "dim")), soft_wrap=True)
    for each in turn.found.wrong:
        out.print(Text(f"  {each}", "red"))


def _as_json(turn: "Turn") -> dict[str, object]:
    told = {"name": turn.scenario.name, "round": turn.round, "lacks": turn.lacks, "in_azure": turn.scenario.in_azure}
    if turn.found is None:
        return {**told, "as_expected": False, "wrong": [turn.wrong]} if turn.wrong else told
    return {**told, "as_expected": not turn.found.wrong, "wrong": list(turn.found.wrong),
            "seconds": round(turn.found.seconds, 2)}  # fmt: skip
