"""Every scenario of the catalogue, played: the client sees what it says, and the evidence is there."""

import pytest

from emulator.app.playing import played
from emulator.scenarios import programs
from emulator.scenarios.reading import catalogue
from emulator.scenarios.scenario import Scenario

pytestmark = [pytest.mark.network, pytest.mark.timeout(120)]
CATALOGUE = catalogue()


@pytest.mark.parametrize("scenario", CATALOGUE, ids=lambda scenario: scenario.name)
async def test_the_scenario_is_as_it_says(scenario: Scenario) -> None:
    """Symptom, texts, exit codes and evidence, in a world of its own."""
    lacks = [why for why in map(programs.lacking, scenario.needs) if why]
    if lacks:
        pytest.skip("; ".join(lacks))
    found = await played(scenario)

    assert found.wrong == ()
