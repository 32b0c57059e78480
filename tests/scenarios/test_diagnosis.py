"""What ended connections, from their records."""

import datetime
from typing import Any

import pytest

from emulator.scenarios.diagnosis import diagnosed, of_command
from emulator.scenarios.reading import catalogue

CATALOGUE = catalogue()
DENIED = {"kind": "rule", "id": "/x", "name": "NoSsh"}
PEER = {"kind": "peer", "id": "", "name": ""}
IDLE = {"kind": "timer", "id": "", "name": "idleTimeoutInMinutes"}
PENDING = {"kind": "state", "id": "", "name": "Pending"}
ENTRY = "client → private-endpoint"


def record(flow: str = "a", **changes: Any) -> dict[str, Any]:
    """A record as the control API has it."""
    values = {
        "flow": flow, "time": "2026-01-01T00:00:10.000Z", "age": 20.0, "kind": "close", "hop": "proxy",
        "leg": "proxy → build-linux", "ended_by": "proxy", "how": "fin", "reason": DENIED, "faults": [],
        "sentence": "denied by NoSsh",
    }  # fmt: skip
    return {**values, **changes}


CHANGES: list[tuple[dict[str, Any], str, str]] = [
    # what a record has, what is to be changed, which scenario it is like
    ({}, "allow it by a rule of a lower number than NoSsh's", "nsg-denies-build-vm"),
    ({"reason": IDLE, "hop": "load-balancer", "how": "rst"}, "send keepalives", "balancer-idle-tcp-reset"),
    ({"reason": {"kind": "fault", "id": "", "name": "cut"}}, "`aib-emulator fault remove cut`", ""),
    ({"reason": {"kind": "fault", "id": "", "name": "cut"}, "how": "rst"}, "fault remove cut", "intermittent-reset"),
    ({"reason": PEER, "faults": ["slow"]}, "`aib-emulator fault remove slow`", ""),
    ({"reason": PEER, "ended_by": "build-linux"}, "build-linux ended it itself: see its service's own log", ""),
    ({"reason": PENDING, "leg": ENTRY}, "approve the private endpoint", "endpoint-pending"),
    ({"reason": {"kind": "state", "id": "", "name": "Strange"}}, "see the state that is named", ""),
    ({"reason": PEER, "ended_by": "client"}, "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "change", "like"), CHANGES)
def test_what_to_change(changes: dict[str, Any], change: str, like: str) -> None:
    """Each kind of reason has its advice, and where the catalogue has one like it, its scenario."""
    (found,) = diagnosed([record(**changes)], CATALOGUE)

    assert change in found.change
    assert found.is_well is (change == "")
    assert not like or found.scenario == like


def test_the_most_telling_record_of_a_connection_counts() -> None:
    """One with a reason before one without, a fault before none, then the innermost; observations are none."""
    outer = record(hop="load-balancer", reason=PEER, sentence="outer")
    faulty = record("b", hop="load-balancer", reason=PEER, faults=["x"], sentence="faulty")
    inner = record("b", reason=PEER, sentence="inner")
    found = diagnosed([outer, record(), faulty, inner, {"event": "BackendUp"}])

    assert sorted(each.why for each in found) == ["denied by NoSsh", "faulty"]


def test_alike_ones_are_told_once_and_failures_first() -> None:
    """Three of a kind, and one that went well."""
    well = record("w", reason=PEER, ended_by="client", sentence="well")
    found = diagnosed([well, *(record(str(number)) for number in range(3))])

    assert [(each.count, each.why) for each in found] == [(3, "denied by NoSsh"), (1, "well")]


def test_older_connections_are_not_the_commands() -> None:
    """Twenty emulated seconds at a scale of ten: it began two real ones before its end."""
    ended = datetime.datetime(2026, 1, 1, 0, 0, 10, tzinfo=datetime.UTC)
    events = [record(), {"event": "BackendUp", "time": "2026-01-01T00:00:10.000Z"}]

    assert of_command(events, ended - datetime.timedelta(seconds=1), 10) == []
    assert of_command(events, ended - datetime.timedelta(seconds=3), 10) == [record()]
