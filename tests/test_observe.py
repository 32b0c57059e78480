"""Records and observations as JSON."""

import json

from emulator.observe import Observation, Record, as_json, new_flow
from emulator.reason import Reason

PROMISED = [
    "time",
    "flow",
    "kind",
    "hop",
    "leg",
    "client",
    "from",
    "to",
    "ended_by",
    "how",
    "reason",
    "approximated",
    "bytes_from_client",
    "bytes_to_client",
    "age",
    "idle",
    "faults",
    "sentence",
]
RECORD = Record(
    time="2026-01-01T00:00:00.000Z",
    flow="f",
    kind="drop",
    hop="proxy",
    leg="load-balancer → proxy",
    client="127.0.0.1:1",
    source="10.60.0.5:1",
    to="10.60.0.7:60001",
    ended_by="proxy",
    how="drop",
    reason=Reason("rule", "/id", "DenyAllInBound"),
    sentence="why",
)


def test_a_record_has_the_promised_fields() -> None:
    """A record prints the fields of design section 5, in that order, its source as `from`."""
    found = json.loads(json.dumps(as_json(RECORD)))

    assert list(found) == PROMISED
    assert found["from"] == "10.60.0.5:1"
    assert found["reason"] == {"kind": "rule", "id": "/id", "name": "DenyAllInBound"}


def test_an_observation_prints_whole() -> None:
    """An observation prints with its data."""
    seen = Observation("now", "BackendDown", "load-balancer", "why", {"up": False})

    assert as_json(seen) == {
        "time": "now",
        "event": "BackendDown",
        "hop": "load-balancer",
        "sentence": "why",
        "data": {"up": False},
    }


def test_flow_names_differ() -> None:
    """Each flow has a name of 16 hexadecimal digits of its own."""
    names = {new_flow() for _ in range(1000)}

    assert len(names) == 1000
    assert all(len(name) == 16 and int(name, 16) >= 0 for name in names)
