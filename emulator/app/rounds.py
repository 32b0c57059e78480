"""Play many scenarios, several at once and again and again, each in a world of its own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emulator.app.playing import Played, config_of, played
from emulator.errors import InvalidInputError
from emulator.scenarios import programs
from emulator.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Turn:
    """One play of one scenario.

    Attributes:
        round: from 1.
        found: how it went; None where it was not played to its end.
        lacks: what this machine lacks for it.
        wrong: what is wrong with its file, found only when it was played; each on a line.
    """

    scenario: Scenario
    round: int
    found: Played | None = None
    lacks: str = ""
    wrong: str = ""

    @property
    def is_well(self) -> bool:
        """Whether nothing was other than the scenario says."""
        return not self.wrong and (self.found is None or not self.found.wrong)


Tell = Callable[[Turn], None]


async def rounds(
    scenarios: Sequence[Scenario],
    tell: Tell,
    *,
    at_once: int = 4,
    repeat: int = 1,
    time_scale: float | None = None,
) -> None:
    """Play each scenario in each round, several of a round at once; a round begins when the one before has ended.

    Args:
        scenarios: of `scenarios.reading`.
        tell: takes each play when it has ended.
        at_once: how many.
        repeat: how many rounds.
        time_scale: in place of each scenario's own.

    Raises:
        InvalidInputError: settings are wrong, or the scale is beyond what one bears; with every finding.
    """
    _check(scenarios, time_scale)
    room = asyncio.Semaphore(at_once)
    for number in range(1, repeat + 1):
        async with asyncio.TaskGroup() as group:
            for each in scenarios:
                group.create_task(_turn(each, number, tell, room, time_scale))


async def _turn(
    scenario: Scenario, number: int, tell: Tell, room: asyncio.Semaphore, time_scale: float | None
) -> None:
    async with room:
        lacks = [why for why in map(programs.lacking, scenario.needs) if why]
        if lacks:
            tell(Turn(scenario, number, lacks="; ".join(lacks)))
            return
        try:
            found = await played(scenario, time_scale=time_scale)
        except InvalidInputError as error:
            tell(Turn(scenario, number, wrong=str(error)))
            return
        tell(Turn(scenario, number, found))


def _check(scenarios: Sequence[Scenario], time_scale: float | None) -> None:
    findings = []
    for each in scenarios:
        try:
            config_of(each, time_scale)
        except InvalidInputError as error:
            findings.append(str(error))
    if findings:
        raise InvalidInputError("\n".join(findings))
