"""Play many scenarios, several at once and again and again, each in a world of its own."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emulator.app.playing import Played, played
from emulator.scenarios import programs
from emulator.scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Turn:
    """One play of one scenario.

    Attributes:
        round: from 1.
        found: how it went; None where this machine lacks what it needs.
        lacks: what that is.
    """

    scenario: Scenario
    round: int
    found: Played | None = None
    lacks: str = ""


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
        InvalidInputError: settings, patches or names of one are wrong.
    """
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
        found = None if lacks else await played(scenario, time_scale=time_scale)
        tell(Turn(scenario, number, found, "; ".join(lacks)))
