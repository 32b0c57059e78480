"""What ended the connections of a client's command, by their records, and what to change. Pure."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.scenarios.judging import ROUNDING
from emulator.scenarios.scenario import Scenario
from emulator.scenarios.step import RecordSeen

Event = Mapping[str, Any]
"""An event as the control API has it."""
KINDS = {
    "rule": "allow it by a rule of a lower number than {name}'s, in the same direction",
    "route": "take the route away, or have its next hop forward the flow and its answers",
    "probe": "let 168.63.129.16 reach the proxy VM's port, and see that its service listens: `aib-emulator status`",
    "timer": "send keepalives more often than the limit, or raise it",
    "fault": "it is there on purpose: `aib-emulator fault remove {name}`",
}
"""What to change, by the kind of the reason; see `Reason`."""
NAMES = {
    "idleTimeoutInMinutes": "send keepalives more often, raise idleTimeoutInMinutes, or be told by enableTcpReset",
    "Pending": "approve the private endpoint's connection",
    "Rejected": "approve the private endpoint's connection",
    "Disconnected": "connect the private endpoint anew",
    "ServiceStopped": "start the service: `aib-emulator machine HOP running`",
    "GuestFirewall": "open the port in the guest's own firewall",
    "Rebooting": "wait until it has come back, and try again",
    "Deallocated": "start the machine",
    "NoLoadBalancingRule": "add a load balancing rule for this port",
    "NatPortsExhausted": "close what is not used, or give the private link service more NAT addresses",
    "ProxyProtocolMismatch": "have enableProxyProtocol on at both ends, or at neither",
    "Hairpin": "dial the machine itself, not its own frontend",
}
"""What to change, by the reason's name where that tells more."""
INWARD = ("load-balancer", "proxy", "build-linux", "build-windows")


@dataclass(frozen=True, slots=True)
class Finding:
    """Connections that ended alike.

    Attributes:
        count: how many.
        hop: where.
        why: one of their sentences.
        change: what to change; empty where the client ended it itself.
        scenario: the name of the scenario that is like it; empty for none.
    """

    count: int
    hop: str
    why: str
    change: str = ""
    scenario: str = ""

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to change."""
        return not self.change


def diagnosed(events: Iterable[Event], scenarios: Sequence[Scenario] = ()) -> list[Finding]:
    """What ended each connection, alike ones together, what failed first."""
    flows: dict[str, list[Event]] = {}
    for each in events:
        if "flow" in each:
            flows.setdefault(each["flow"], []).append(each)
    alike: dict[tuple[str, ...], list[Event]] = {}
    for records in flows.values():
        telling = max(records, key=_weight)
        alike.setdefault(_likeness(telling), []).append(telling)
    found = [_finding(each, scenarios) for each in alike.values()]
    return sorted(found, key=lambda each: each.is_well)


def _weight(record: Event) -> tuple[bool, bool, int]:
    """Of a connection's records the most telling: one with a reason, then one with a fault, then the innermost."""
    return (
        record["reason"]["kind"] != "peer",
        bool(record["faults"]),
        INWARD.index(record["hop"]) if record["hop"] in INWARD else -1,
    )


def _likeness(record: Event) -> tuple[str, ...]:
    reason = record["reason"]
    own = (record["kind"], record["hop"], record["leg"], record["ended_by"], record["how"], *record["faults"])
    return (*own, reason["kind"], reason["id"], reason["name"])


def _finding(records: Sequence[Event], scenarios: Sequence[Scenario]) -> Finding:
    record = records[0]
    change = _change(record)
    like = _like(record, scenarios) if change else ""
    return Finding(len(records), record["hop"], record["sentence"], change, like)


def _change(record: Event) -> str:
    reason = record["reason"]
    if reason["kind"] == "peer":
        return _of_a_peer(record)
    said = NAMES.get(reason["name"]) or KINDS.get(reason["kind"], "see the state that is named")
    return said.format(name=reason["name"])


def _of_a_peer(record: Event) -> str:
    """A connection that an end of it ended: the client's own affair, or a build VM's."""
    if record["faults"]:
        removing = "; ".join(f"`aib-emulator fault remove {each}`" for each in record["faults"])
        return f"a fault touched it, which is there on purpose: {removing}"
    if record["ended_by"] in ("client", "emulator"):
        return ""
    return f"{record['ended_by']} ended it itself: see its service's own log"


def _like(record: Event, scenarios: Sequence[Scenario]) -> str:
    scored = [(_agreement(record, each), each.name) for each in scenarios]
    best = max((score for score, _ in scored), default=0)
    return min((name for score, name in scored if score == best), default="") if best > 1 else ""


def _agreement(record: Event, scenario: Scenario) -> int:
    """How many words of a scenario's evidence a record has; 0 where one differs, names of rules and faults apart."""
    wanted = [each.value for each in scenario.evidence if isinstance(each.value, RecordSeen)]
    return max((_matches(record, each) for each in wanted), default=0)


def _matches(record: Event, wanted: RecordSeen) -> int:
    reason = record["reason"]
    named = reason["kind"] not in ("rule", "fault")
    pairs = [
        (wanted.leg, record["leg"]),
        (wanted.hop, record["hop"]),
        (wanted.how, record["how"]),
        (wanted.reason.kind, reason["kind"]),
        (wanted.reason.name if named else None, reason["name"]),
    ]
    given = [(value, found) for value, found in pairs if value is not None]
    told = wanted.reason.kind or wanted.reason.name
    return len(given) if told and all(value == found for value, found in given) else 0


def of_command(events: Iterable[Event], began: datetime.datetime, scale: float) -> list[Event]:
    """The records of connections that are not older than a command.

    Args:
        events: of the channel.
        began: when the command did.
        scale: emulated seconds in a real one, since ages are emulated.
    """
    least = began - datetime.timedelta(seconds=ROUNDING)
    return [each for each in events if "flow" in each and _began(each, scale) >= least]


def _began(record: Event, scale: float) -> datetime.datetime:
    ended = datetime.datetime.fromisoformat(record["time"])
    return ended - datetime.timedelta(seconds=float(record["age"]) / scale)
