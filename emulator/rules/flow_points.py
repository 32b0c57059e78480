"""Where Azure logs a flow, and under which rule.

A denied flow is logged by the group that denied it, an allowed one by the last group that allowed it; at a private
endpoint and in container instances there is no log (https://learn.microsoft.com/azure/network-watcher/nsg-flow-logs-overview).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Direction, Interface
from emulator.model.world import World
from emulator.rules import legs, security
from emulator.rules.legs import Leg
from emulator.rules.path import ChannelPath

GROUPS = "microsoft.network/networksecuritygroups"


@dataclass(frozen=True, slots=True)
class Point:
    """A flow at an interface.

    Attributes:
        group: the security group that decided.
        rule: its rule, as flow logs spell it.
        mac: the interface's MAC address, twelve hexadecimal digits.
    """

    interface: ResourceId
    mac: str
    network: ResourceId
    region: str
    direction: Direction
    flow: Flow
    group: ResourceId
    rule: str
    allowed: bool


def between(world: World, source: Interface | None, target: Interface | None, flow: Flow) -> tuple[Point, ...]:
    """The points of a flow from one interface to another, up to the one that denies it; None is where no log is."""
    found = []
    for point in _both(world, source, target, flow):
        found.append(point)
        if not point.allowed:
            break
    return tuple(found)


def _both(world: World, source: Interface | None, target: Interface | None, flow: Flow) -> Iterator[Point]:
    ends: Iterable[tuple[Interface | None, Direction]] = ((source, "Outbound"), (target, "Inbound"))
    for interface, direction in ends:
        point = at(world, interface, direction, flow) if interface else None
        if point is not None:
            yield point


def at(world: World, interface: Interface, direction: Direction, flow: Flow) -> Point | None:
    """The point of a flow at an interface; None where no security group decided.

    Raises:
        NotLoadedError: a group, or what a rule names, was not loaded, and the verdict hangs on it.
    """
    verdict = security.at_interface(world, interface, direction, flow)
    group = ResourceId(verdict.reason.id)
    if verdict.reason.kind != "rule" or group.type != GROUPS:
        return None
    network = world.network_of(interface.subnet)
    rule = _spelt(world, group, verdict.reason.name)
    region = interface.location
    return Point(interface.id, mac_of(interface), network.id, region, direction, flow, group, rule, verdict.carried)


def _spelt(world: World, group: ResourceId, rule: str) -> str:
    found = world.group(group)
    ours = found is not None and any(each.name.lower() == rule.lower() for each in found.rules)
    return f"{'UserRule' if ours else 'DefaultRule'}_{rule}"


def mac_of(interface: Interface) -> str:
    """The MAC address that the resource has; else one of Microsoft's, the same whenever it is asked for."""
    given = interface.kept.within.get("macAddress")
    digits = given.replace("-", "").replace(":", "").upper() if isinstance(given, str) else ""
    return digits or "000D3A" + hashlib.sha256(interface.id.key.encode()).hexdigest()[:6].upper()


def of_first_segment(world: World, route: ChannelPath) -> tuple[Point, ...]:
    """The points of a client's flow: at the client where that is a machine, and at the machine that it reaches."""
    at_client = between(world, _client(world, route), None, route.legs[0].flow)
    end = route.end(1)
    machine = next((each for each in world.members if each.id == end.resource), None)
    if machine is None or not all(each.allowed for each in at_client):
        return at_client
    if route.proxy is not None and world.switches.pls_data_nsg == "bypass":
        return at_client
    point = at(world, world.interface_of(machine), "Inbound", end.flow)
    return (*at_client, point) if point else at_client


def _client(world: World, route: ChannelPath) -> Interface | None:
    if world.topology != "existing-vnet" or world.endpoint is None or world.endpoint.subnet is None:
        return None  # the Internet has no flow log, and neither have container instances
    home = world.network_of(world.endpoint.subnet)
    found = legs.origin_of(world, route.legs[0].flow.source, home)
    return found if isinstance(found, Interface) else None


def of_second_segment(world: World, leg: Leg) -> tuple[Point, ...]:
    """The points between the proxy and a build VM: nothing comes to the other end that a route took elsewhere."""
    source, target = (_holder(world, each) for each in (leg.flow.source, leg.flow.destination))
    lost = legs.leaving(world, source, leg.flow) if source else None
    strayed = lost is not None and lost.reason.kind != "rule"
    return between(world, source, None if strayed else target, leg.flow)


def _holder(world: World, address: IPv4Address) -> Interface | None:
    """The interface of a machine of the channel."""
    interfaces = (world.interface_of(each) for each in world.members)
    return next((each for each in interfaces if each.holds(address)), None)
