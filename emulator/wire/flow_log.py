"""Azure's flow logs as JSON: of security groups (version 2) and of virtual networks (version 4), and their blobs.

https://learn.microsoft.com/azure/network-watcher/nsg-flow-logs-overview#log-format and
https://learn.microsoft.com/azure/network-watcher/vnet-flow-logs-overview#log-format.
"""

import datetime
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from emulator.errors import PeerError
from emulator.model.ids import ResourceId

Direction = Literal["Inbound", "Outbound"]
State = Literal["begin", "continuing", "end", "deny"]
LETTERS: Mapping[State, str] = {"begin": "B", "continuing": "C", "end": "E", "deny": "D"}
NOT_ENCRYPTED = "NX"
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Counts:
    """Packets and bytes (headers included) since the last tuple of a flow: from its source, and back to it."""

    packets: int = 0
    size_bytes: int = 0
    packets_back: int = 0
    bytes_back: int = 0


@dataclass(frozen=True, slots=True)
class Tuple:
    """What happened to a TCP flow at an interface.

    Attributes:
        time: seconds since 1970.
        group: the security group that decided: the one that denied, or the last that allowed.
        rule: its rule, as `UserRule_ssh` or `DefaultRule_DenyAllInBound`.
        interface: where; `mac` is its address, `network` the virtual network that it is in.
        counts: absent at a flow's beginning and for a denied one.
    """

    time: float
    group: str
    rule: str
    interface: str
    mac: str
    network: str
    region: str
    direction: Direction
    state: State
    source: str
    source_port: int
    destination: str
    destination_port: int
    counts: Counts | None = None


def from_json(values: Mapping[str, Any]) -> Tuple:
    """A tuple from `dataclasses.asdict` of it.

    Raises:
        PeerError: it is none.
    """
    try:
        counts = values.get("counts")
        return Tuple(**{**values, "counts": Counts(**counts) if counts else None})
    except (TypeError, AttributeError) as error:
        raise PeerError(f"a flow log's tuple is malformed: {error}") from None


def nsg_tuple(found: Tuple) -> str:
    """A flow tuple of version 2: thirteen fields, the last four empty where nothing was counted."""
    ends = f"{found.source},{found.destination},{found.source_port},{found.destination_port}"
    access, state = ("D", "B") if found.state == "deny" else ("A", LETTERS[found.state])
    return f"{int(found.time)},{ends},T,{found.direction[0]},{access},{state},{_counted(found.counts, '')}"


def vnet_tuple(found: Tuple) -> str:
    """A flow tuple of version 4: in milliseconds, the protocol's number, a denial as a state, zeros for nothing."""
    ends = f"{found.source},{found.destination},{found.source_port},{found.destination_port}"
    state = LETTERS[found.state]
    counted = _counted(found.counts, "0")
    return f"{round(found.time * 1000)},{ends},6,{found.direction[0]},{state},{NOT_ENCRYPTED},{counted}"


def _counted(counts: Counts | None, nothing: str) -> str:
    if counts is None:
        return ",".join([nothing] * 4)
    return f"{counts.packets},{counts.size_bytes},{counts.packets_back},{counts.bytes_back}"


def nsg_record(time: datetime.datetime, tuples: Iterable[Tuple]) -> Json:
    """One record of one security group and interface, with a minute's tuples by rule; there is at least one."""
    found = list(tuples)
    group, mac = found[0].group, found[0].mac
    flows = [
        {"rule": rule, "flows": [{"mac": mac, "flowTuples": [nsg_tuple(each) for each in ours]}]}
        for rule, ours in _by(found, "rule").items()
    ]
    return {
        "time": _stamp(time),
        "systemId": guid("system", group),
        "macAddress": mac,
        "category": "NetworkSecurityGroupFlowEvent",
        "resourceId": group.upper(),
        "operationName": "NetworkSecurityGroupFlowEvents",
        "properties": {"Version": 2, "flows": flows},
    }


def vnet_record(time: datetime.datetime, tuples: Iterable[Tuple]) -> Json:
    """One record of one interface in one virtual network, with a minute's tuples by group and rule."""
    found = list(tuples)
    first = found[0]
    flows = [
        {
            "aclID": guid("acl", group),
            "flowGroups": [
                {"rule": rule, "flowTuples": [vnet_tuple(each) for each in by_rule]}
                for rule, by_rule in _by(ours, "rule").items()
            ],
        }
        for group, ours in _by(found, "group").items()
    ]
    return {
        "time": _stamp(time),
        "flowLogVersion": 4,
        "flowLogGUID": guid("flow log", first.network),
        "macAddress": first.mac,
        "category": "FlowLogFlowEvent",
        "flowLogResourceID": _flow_log(first),
        "targetResourceID": first.network,
        "operationName": "FlowLogFlowEvent",
        "flowRecords": {"flows": flows},
    }


def nsg_blob(when: datetime.datetime, found: Tuple) -> str:
    """The blob of an hour, with its container, as a path."""
    return f"insights-logs-networksecuritygroupflowevent/resourceId={found.group.upper()}/{_hour(when, found.mac)}"


def vnet_blob(when: datetime.datetime, found: Tuple) -> str:
    """The blob of an hour, with its container, as a path (vnet-flow-logs-manage)."""
    network = ResourceId(found.network)
    log = f"{network.subscription}_NetworkWatcherRG/NetworkWatcher_{found.region}_{_log_name(network)}"
    return f"insights-logs-flowlogflowevent/flowLogResourceID=/{log.upper()}/{_hour(when, found.mac)}"


def _log_name(network: ResourceId) -> str:
    """What the portal calls a flow log."""
    return f"{network.name}-{network.resource_group}-flowlog"


def _flow_log(found: Tuple) -> str:
    network = ResourceId(found.network)
    watcher = f"NetworkWatcher_{found.region}/flowLogs/{_log_name(network)}"
    group = f"/subscriptions/{network.subscription}/resourceGroups/NetworkWatcherRG"
    return f"{group}/providers/Microsoft.Network/networkWatchers/{watcher}".upper()


def _hour(when: datetime.datetime, mac: str) -> str:
    return f"y={when:%Y}/m={when:%m}/d={when:%d}/h={when:%H}/m=00/macAddress={mac}/PT1H.json"


def _stamp(time: datetime.datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _by(found: Iterable[Tuple], name: Literal["rule", "group"]) -> dict[str, list[Tuple]]:
    sorted_out: dict[str, list[Tuple]] = {}
    for each in found:
        sorted_out.setdefault(getattr(each, name), []).append(each)
    return sorted_out


def guid(what: str, of: str) -> str:
    """A GUID that Azure would have given to something at random: the same whenever it is asked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{what}:{of.lower()}"))
