"""Health from a run of answers: the first success marks up, then only n in a row change it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.balancer import Probe
from emulator.model.ids import ResourceId
from emulator.rules.probe import Answer, Health, patience

PROBE = Probe(ResourceId("/probes/p"), 60001)
ANSWERS = {
    "+": Answer(),
    "-": Answer("no answer"),
    "2": Answer(explicit=True),
    "5": Answer("answered 500", explicit=True),
}


def after(answers: str, threshold: int | None = None, *, number_of_probes: int | None = None) -> str:
    """The health after each of `answers`, `+` and `-`, or `2` and `5` for statuses: `U` up or `d` down."""
    health, seen = Health(), ""
    probe = replace(PROBE, threshold=threshold, number_of_probes=number_of_probes)
    for answer in answers:
        health = health.observe(ANSWERS[answer], probe)
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


def test_a_status_is_heeded_at_once() -> None:
    """By HTTP a 200 or another status changes the verdict at once; the threshold is for silence (azure.md 3.4)."""
    assert after("2525", 3) == "UdUd"
    assert after("2--2---5", 3) == "UUUUUUdd"


def test_number_of_probes_counts_failures_where_there_is_no_threshold() -> None:
    """The older field needs that many failures and a single success; the newer one replaces it."""
    assert after("+--+-+---+", number_of_probes=3) == "UUUUUUUUdU"
    assert after("+-+", 1, number_of_probes=3) == "UdU"
    assert after("+-+") == "UdU"


def test_patience() -> None:
    """A Tcp probe fails when the next one goes out, one by Http after half a minute."""
    assert patience(PROBE) == 15.0
    assert patience(replace(PROBE, protocol="Https", request_path="/")) == 30.0
