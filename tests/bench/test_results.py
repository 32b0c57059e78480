"""Results are written whole, read back, and compared beyond their own noise."""

from pathlib import Path

import pytest

from bench.figures import Figure
from bench.results import WrongResultsError, as_json, moved, read, write


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The rounds of each figure, with date, command and machine beside them."""
    figures = [Figure("a", "s", (1.0, 2.0, 3.0), 5.0), Figure("b", "/s", (7.0,), higher=True)]
    file = tmp_path / "results.json"
    write(file, figures)
    found = as_json(figures)

    assert read(file) == {"a": [1, 2, 3], "b": [7]}
    assert set(found) == {"date", "command", "machine", "figures"}
    assert found["machine"]["peers"]
    assert [each.name for each in tmp_path.iterdir()] == ["results.json"]


@pytest.mark.parametrize("text", ["", "[]", '{"figures": [1]}', '{"figures": [{"name": "a", "rounds": ["x"]}]}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    """With the file's name."""
    file = tmp_path / "other.json"
    file.write_text(text)

    with pytest.raises(WrongResultsError, match=r"other\.json: found no results"):
        read(file)


@pytest.mark.parametrize(
    ("before", "now", "higher", "said"),
    [
        ((1, 2, 3), (2, 3, 4), False, []),
        ((1, 1, 1), (2, 2, 2), False, ["worse: a: 1 → 2 s (+100%)"]),
        ((2, 2, 2), (1, 1, 1), False, ["better: a: 2 → 1 s (-50%)"]),
        ((1, 1, 1), (2, 2, 2), True, ["better: a: 1 → 2 s (+100%)"]),
    ],
)
def test_what_moved_is_beyond_its_own_rounds(
    before: tuple[float, ...],
    now: tuple[float, ...],
    higher: bool,  # noqa: FBT001 - a table
    said: list[str],
) -> None:
    """Rounds that overlap are noise; whether more is better decides what the rest is."""
    assert list(moved({"a": before}, [Figure("a", "s", now, higher=higher)])) == said


def test_a_new_figure_did_not_move() -> None:
    """There is nothing to compare it with."""
    assert list(moved({}, [Figure("a", "s", (1.0,))])) == []
