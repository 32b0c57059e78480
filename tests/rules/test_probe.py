"""Health from a run of answers: the first success marks up, then only n in a row change it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.rules.probe import Health


def after(answers: str, threshold: int) -> str:
    """The health after each of `answers`, `+` and `-`: `U` up or `d` down."""
    health, seen = Health(), ""
    for answer in answers:
        health = health.observe(answered=answer == "+", threshold=threshold)
        seen += "U" if health.up else "d"
    return seen


# azure.md 3.4: down at first; the first success marks up; then `threshold` answers in a row either way.
RUNS = [
    (2, "-", "d"),
    (2, "+", "U"),
    (2, "--+", "ddU"),
    (2, "+-+-", "UUUU"),
    (2, "+--", "UUd"),
    (2, "+--+", "UUdd"),
    (2, "+--++", "UUddU"),
    (2, "+--+-++", "UUddddU"),
    (1, "+-+-", "UdUd"),
    (3, "+--+---", "UUUUUUd"),
]


@pytest.mark.parametrize(("threshold", "answers", "expected"), RUNS)
def test_runs(threshold: int, answers: str, expected: str) -> None:
    """Health follows the table."""
    assert after(answers, threshold) == expected


@given(answers=st.text("+-", max_size=60), threshold=st.integers(1, 6))
def test_flips_only_after_n_in_a_row(answers: str, threshold: int) -> None:
    """Past the first success, health is what the last run of `threshold` equal answers said."""
    seen = after(answers, threshold)
    first = answers.find("+")
    believed = False
    for index in range(len(answers)):
        run = answers[max(first, index - threshold + 1) : index + 1]
        if index == first or (first >= 0 and index > first and len(run) == threshold and len(set(run)) == 1):
            believed = answers[index] == "+"
        assert (seen[index] == "U") == believed
