"""What happened so far in numbers, for Prometheus (https://prometheus.io/docs/instrumenting/writing_exporters/).

Labels are the close record's own words, so that a line of a dashboard leads to the records behind it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.observe import Event, Observation, Record

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PREFIX = "aib_emulator_"
CLOSED = ("hop", "leg", "ended_by", "how", "reason_kind", "reason")
DROPPED = ("hop", "leg", "reason_kind", "reason")
Labels = tuple[str, ...]


@dataclass(slots=True)
class Tally:
    """An observer that counts.

    Attributes:
        closed: connections by the labels `CLOSED`.
        dropped: attempts that got no answer by the labels `DROPPED`.
        carried: payload bytes by hop and direction.
        ages: emulated seconds by hop.
        backends: what the balancer believes of each backend, by probe and hop.
    """

    closed: Counter[Labels] = field(default_factory=Counter)
    dropped: Counter[Labels] = field(default_factory=Counter)
    carried: Counter[Labels] = field(default_factory=Counter)
    ages: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    backends: dict[Labels, bool] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Observation):
            if event.event in ("BackendUp", "BackendDown"):
                probe = str(event.data["probe"]).rpartition("/")[2]
                self.backends[probe, str(event.data["backend"])] = event.event == "BackendUp"
        elif event.kind == "drop":
            self.dropped[event.hop, event.leg, event.reason.kind, event.reason.name] += 1
        else:
            self._close(event)

    def _close(self, record: Record) -> None:
        reason = record.reason
        self.closed[record.hop, record.leg, record.ended_by, record.how, reason.kind, reason.name] += 1
        self.carried[record.hop, "from_client"] += record.bytes_from_client
        self.carried[record.hop, "to_client"] += record.bytes_to_client
        self.ages[record.hop] += record.age


class _Metrics:
    """A collector, as prometheus_client asks for one."""

    def __init__(self, tally: Tally, status: Mapping[str, Any]) -> None:
        self._tally = tally
        self._status = status

    def collect(self) -> "Iterator[Metric]":
        """Every family, whether it has a value yet or not."""
        tally = self._tally
        yield _counted("connections", "Connections that ended.", CLOSED, tally.closed)
        yield _counted("dropped_attempts", "Connection attempts that got no answer.", DROPPED, tally.dropped)
        carried = _counted("bytes", "Payload bytes of connections that ended.", ("hop", "direction"), tally.carried)
        yield carried
        ages: dict[Labels, float] = {(hop,): seconds for hop, seconds in tally.ages.items()}
        yield _counted("connection_seconds", "Emulated seconds of connections that ended.", ("hop",), ages)
        hops: dict[Labels, bool] = {(each["name"],): each["state"] == "up" for each in self._status["hops"]}
        yield _now("hop_up", "Whether a hop serves.", ("hop",), hops)
        yield _now("backend_up", "What the balancer believes.", ("probe", "backend"), tally.backends)
        yield _now("ready", "Whether the channel is ready.", (), {(): self._status["ready"]})


def _counted(name: str, help_text: str, labels: Labels, values: Mapping[Labels, float]) -> "Metric":
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(PREFIX + name, help_text, labels=labels)
    for each, value in sorted(values.items()):
        family.add_metric(each, value)
    return family


def _now(name: str, help_text: str, labels: Labels, values: Mapping[Labels, bool]) -> "Metric":
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(PREFIX + name, help_text, labels=labels)
    for each, value in sorted(values.items()):
        family.add_metric(each, float(value))
    return family


def exposition(tally: Tally, status: Mapping[str, Any], accept: str = "") -> tuple[bytes, str]:
    """The numbers as text, and its content type; as OpenMetrics where `accept` asks for it."""
    from prometheus_client import CollectorRegistry  # here, for nobody else waits for it
    from prometheus_client.exposition import choose_encoder

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(tally, status))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
