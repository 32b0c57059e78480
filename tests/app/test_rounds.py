"""Many plays, several at once and again and again."""

from collections import Counter
from pathlib import Path

import pytest

from emulator.app.rounds import Turn, rounds
from emulator.scenarios.reading import catalogue
from tests.scenarios.files import scenario

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


@pytest.mark.slow
@pytest.mark.timeout(480)
async def test_the_whole_catalogue_passes_twice() -> None:
    """Four at a time, and once more right after, in one process."""
    turns: list[Turn] = []
    await rounds(catalogue(), turns.append, repeat=2)

    assert len(turns) == 2 * len(catalogue())
    assert [(each.scenario.name, each.found.wrong) for each in turns if each.found and each.found.wrong] == []
