"""What a scenario must be in itself."""

from pathlib import Path

import pytest

from emulator.errors import InvalidInputError
from emulator.scenarios.scenario import HOPS
from emulator.scenarios.step import SYMPTOMS
from tests.scenarios.files import scenario


def test_its_symptom_is_what_a_client_sees(tmp_path: Path) -> None:
    """One of a client that works meanwhile counts, and a path that is explained; another is refused."""
    beside = {"tcp": {"sees": {"outcome": "refused"}, "meanwhile": [{"tcp": {"sees": {"outcome": "reset"}}}]}}
    path = {"explain": {"from": "proxy", "to": "load-balancer:60001", "outcome": "dropped"}}

    assert scenario(tmp_path, symptom="reset", script=[beside]).symptom == "reset"
    assert scenario(tmp_path, symptom="silent", script=[path]).symptom == "silent"
    with pytest.raises(InvalidInputError, match="found 'mute', expected what a client of the script sees: refused"):
        scenario(tmp_path, symptom="mute")


def test_its_scale_is_one_that_it_bears(tmp_path: Path) -> None:
    """The largest is itself a scale; beyond it nothing is promised."""
    assert scenario(tmp_path, time_scale=50, largest_time_scale=50).time_scale == 50
    with pytest.raises(InvalidInputError, match="time_scale: found 51, expected at most largest_time_scale"):
        scenario(tmp_path, time_scale=51, largest_time_scale=50)


def test_words_are_distinct_and_explained() -> None:
    """A hop is named once, and each symptom says what it is."""
    assert len(set(HOPS)) == len(HOPS)
    assert all(SYMPTOMS.values())
