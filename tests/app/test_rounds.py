"""Many plays, several at once and again and again."""

from collections import Counter
from pathlib import Path

import pytest

from emulator.app.rounds import Turn, rounds
from emulator.errors import InvalidInputError
from emulator.scenarios.reading import catalogue
from tests.scenarios.files import GOOD, scenario

pytestmark = pytest.mark.network


async def test_each_is_played_in_each_round(tmp_path: Path) -> None:
    """A round ends before the next begins; one that lacks something is told as such."""
    turns: list[Turn] = []
    chosen = [scenario(tmp_path, "one"), scenario(tmp_path, "two"), scenario(tmp_path, "three")]
    await rounds(chosen, turns.append, at_once=2, repeat=2)

    assert [each.round for each in turns] == [1, 1, 1, 2, 2, 2]
    assert Counter(each.scenario.name for each in turns) == {"one": 2, "two": 2, "three": 2}
    assert [each.found.wrong if each.found else None for each in turns] == [()] * 6


async def test_what_lacks_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not played, and the others were."""
    monkeypatch.setenv("PATH", "/nonexistent")
    turns: list[Turn] = []
    await rounds([scenario(tmp_path, "lacks", needs=["packer"]), scenario(tmp_path)], turns.append)

    assert {each.scenario.name: each.lacks for each in turns} == {
        "lacks": "there is no packer on this machine",
        "gone": "",
    }


async def test_a_file_that_is_wrong_when_played_is_told(tmp_path: Path) -> None:
    """The others are played all the same."""
    turns: list[Turn] = []
    patch = {"remove_rule": "nowhere"}
    chosen = [scenario(tmp_path, "wrong", script=[{"change": [patch]}, *GOOD["script"]]), scenario(tmp_path)]
    await rounds(chosen, turns.append)
    told = {each.scenario.name: each for each in turns}

    assert "remove_rule: found 'nowhere', expected one of" in told["wrong"].wrong
    assert [told[name].is_well for name in ("wrong", "gone")] == [False, True]


async def test_a_scale_beyond_what_they_bear_starts_nothing(tmp_path: Path) -> None:
    """All of them are named."""
    chosen = [scenario(tmp_path, "one"), scenario(tmp_path, "two")]
    with pytest.raises(InvalidInputError, match=r"beyond it one (.|\n)*beyond it two "):
        await rounds(chosen, lambda _: None, time_scale=500)


@pytest.mark.slow
@pytest.mark.timeout(480)
async def test_the_whole_catalogue_passes_twice() -> None:
    """Four at a time, and once more right after, in one process."""
    turns: list[Turn] = []
    await rounds(catalogue(), turns.append, repeat=2)

    assert len(turns) == 2 * len(catalogue())
    assert [(each.scenario.name, each.wrong, each.found) for each in turns if not each.is_well] == []
