"""The numbers that Prometheus reads: counted from the same events that people read."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emulator.control.metrics import Tally, exposition
from emulator.observe import Observation, Record
from emulator.reason import Reason

STATUS: dict[str, Any] = {
    "ready": True,
    "hops": [{"name": "proxy", "state": "up"}, {"name": "build-linux", "state": "stopped"}],
}
RULE = Reason("rule", "/nsg", "NoProxy")


def record(**fields: Any) -> Record:
    """A record of a closed connection."""
    values = {
        "time": "now",
        "flow": "f",
        "kind": "close",
        "hop": "proxy",
        "leg": "proxy → build-linux",
        "client": "127.0.0.1:5",
        "source": "10.60.0.7:5",
        "to": "10.60.0.8:22",
        "ended_by": "client",
        "how": "fin",
        "reason": Reason("peer", "", ""),
        "sentence": "it ended",
    }
    return Record(**{**values, **fields})


def samples(tally: Tally) -> dict[str, float]:
    """Every sample by its name and its labels' values, in the order of the labels' names."""
    text, content_type = exposition(tally, STATUS)
    assert content_type.startswith("text/plain")
    return {
        " | ".join((sample.name, *(value for _, value in sorted(sample.labels.items())))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_records_are_counted_by_their_own_words() -> None:
    """Connections by how and why they ended, with their bytes and seconds; dropped attempts by what dropped them."""
    tally = Tally()
    for _ in range(2):
        tally(record(bytes_from_client=10, bytes_to_client=300, age=1.5))
    tally(record(kind="drop", how="drop", hop="load-balancer", leg="load-balancer → proxy", reason=RULE))
    found = samples(tally)

    assert found["aib_emulator_connections_total | client | proxy | fin | proxy → build-linux |  | peer"] == 2
    assert found["aib_emulator_bytes_total | from_client | proxy"] == 20
    assert found["aib_emulator_bytes_total | to_client | proxy"] == 600
    assert found["aib_emulator_connection_seconds_total | proxy"] == 3
    dropped = "aib_emulator_dropped_attempts_total | load-balancer | load-balancer → proxy | NoProxy | rule"
    assert found[dropped] == 1


def test_states_are_what_they_are_now() -> None:
    """Hops and readiness as `status` has them, backends as the balancer's last word."""
    tally = Tally()
    for event in ("BackendUp", "BackendDown"):
        tally(Observation("now", event, "load-balancer", "", {"probe": "/lb/probes/p", "backend": "proxy"}))
    tally(Observation("now", "WorldApplied", "control", ""))
    found = samples(tally)

    assert found["aib_emulator_hop_up | proxy"] == 1
    assert found["aib_emulator_hop_up | build-linux"] == 0
    assert found["aib_emulator_backend_up | proxy | p"] == 0
    assert found["aib_emulator_ready"] == 1


@pytest.mark.parametrize(
    ("accept", "kind"), [("", "text/plain"), ("application/openmetrics-text", "openmetrics-text")]
)
def test_the_format_is_the_askers_choice(accept: str, kind: str) -> None:
    """Prometheus asks for OpenMetrics, a person for text."""
    _, content_type = exposition(Tally(), STATUS, accept)

    assert kind in content_type
