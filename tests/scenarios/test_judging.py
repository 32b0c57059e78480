"""What was seen and recorded, against what was to be."""

import datetime
from dataclasses import replace
from typing import Any

import pytest

from emulator.observe import Observation, Record
from emulator.reason import Reason
from emulator.scenarios.judging import Seen, began_before, difference, in_words, is_it
from emulator.scenarios.step import EventSeen, Evidence, RecordSeen, Sees

TIME = "2026-01-01T00:00:10.000Z"
RECORD = Record(
    time=TIME, flow="f", kind="close", hop="proxy", leg="proxy → build-linux", client="", source="", to="",
    ended_by="proxy", how="fin", reason=Reason("rule", "", "NoSsh"), sentence="denied by NoSsh", age=20.0,
    faults=("cut",),
)  # fmt: skip
EVENT = Observation(TIME, "BackendDown", "load-balancer", "marks proxy down")


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Seen("works", "hello there", 0), ""),
        (Seen("closed", "EOF"), "found closed, expected works: EOF"),
        (Seen("closed", ""), "found closed, expected works: it said nothing"),
        (Seen("works", "hello", 3), "found exit code 3, expected 0: hello"),
        (Seen("works", "goodbye", 0), "found 'goodbye', expected 'hello' in it"),
    ],
)
def test_differences_are_sentences(seen: Seen, said: str) -> None:
    """Outcome, exit code and text, each told as found and expected."""
    assert difference(seen, Sees(outcome="works", says=("hello",), exit_code=0)) == said


def test_something_else_may_be_seen_without_filters() -> None:
    """What is accepted and held is mute where it would be silent; only without socket filters."""
    sees = Sees(outcome="silent", approximated="mute")

    assert difference(Seen("mute", ""), sees, filters=False) == ""
    assert difference(Seen("mute", ""), sees, filters=True) == "found mute, expected silent: it said nothing"
    assert difference(Seen("mute", ""), Sees(outcome="mute"), filters=False) == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"hop": "load-balancer"},
        {"kind": "drop"},
        {"leg": "client → proxy"},
        {"ended_by": "client"},
        {"how": "rst"},
        {"reason": {"kind": "timer"}},
        {"reason": {"name": "Other"}},
        {"faults": ["other"]},
        {"says": "allowed"},
    ],
)
def test_each_field_of_a_record_counts(wrong: dict[str, Any]) -> None:
    """A record with nothing asked is any; with all asked it is the one; each other value is not."""
    right = {
        "hop": "proxy", "kind": "close", "leg": "proxy → build-linux", "ended_by": "proxy", "how": "fin",
        "reason": {"kind": "rule", "name": "NoSsh"}, "faults": ["cut"], "says": "NoSsh",
    }  # fmt: skip

    assert is_it(RECORD, RecordSeen(), filters=True)
    assert is_it(RECORD, RecordSeen.model_validate(right), filters=True)
    assert not is_it(RECORD, RecordSeen.model_validate({**right, **wrong}), filters=True)


@pytest.mark.parametrize(
    ("approximated", "filters", "fits"),
    [(True, False, True), (False, False, False), (False, True, True), (True, True, False)],
)
def test_what_is_approximated_must_say_so(approximated: bool, filters: bool, fits: bool) -> None:  # noqa: FBT001
    """Where a machine lacks socket filters, a record of a packet's fate says that it is approximated; only there."""
    record = replace(RECORD, approximated=approximated)

    assert is_it(record, RecordSeen(exact=False), filters=filters) is fits
    assert is_it(record, RecordSeen(), filters=filters)


def test_observations_are_known_by_their_name() -> None:
    """Its name, its hop and its words; a record is none."""
    assert is_it(EVENT, EventSeen(event="BackendDown", hop="load-balancer", says="down"), filters=True)
    assert not is_it(EVENT, EventSeen(event="BackendUp"), filters=True)
    assert not is_it(RECORD, EventSeen(event="BackendDown"), filters=True)
    assert not is_it(EVENT, RecordSeen(), filters=True)


def test_older_connections_are_told_by_their_age() -> None:
    """Twenty emulated seconds at a scale of ten are two real ones before its end."""
    ended = datetime.datetime.fromisoformat(TIME)

    assert began_before(RECORD, ended - datetime.timedelta(seconds=1), 10)
    assert not began_before(RECORD, ended - datetime.timedelta(seconds=3), 10)


def test_evidence_in_words() -> None:
    """Only what was asked."""
    wanted = Evidence(record=RecordSeen.model_validate({"hop": "proxy", "reason": {"kind": "timer"}}))

    assert in_words(wanted) == "record hop proxy, reason timer"
