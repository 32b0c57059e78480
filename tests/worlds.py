"""Short builders for worlds: `world("4096 deny in * -> *")` is the default world under one more rule."""

import re
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Literal, get_args

from hypothesis import strategies as st

from emulator.model import deployed
from emulator.model.balancer import Distribution
from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, NETWORK, VNET, default_world
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import (
    Direction,
    Interface,
    NextHop,
    Route,
    RouteTable,
    RuleProtocol,
    SecurityGroup,
    SecurityRule,
    Subnet,
)
from emulator.model.ports import ANY_PORT, PortRange, port_range
from emulator.model.privatelink import ConnectionState
from emulator.model.switches import Switches
from emulator.model.world import Topology, World
from emulator.rules.condition import Condition

RULE = re.compile(r"(\d+) (allow|deny) (in|out) (\S+) -> (\S+?)(?: (Tcp|Udp))?")
PROTOCOLS: dict[str | None, RuleProtocol] = {None: "*", "Tcp": "Tcp", "Udp": "Udp"}
DIRECTIONS: tuple[Direction, ...] = ("Inbound", "Outbound")
ROUTES = resource_id(NETWORK + "routeTables", "routes")
NVA_SUBNET = VNET.child("subnets", "nva")
NVA = "VirtualAppliance 10.60.2.4"
DOCUMENTED = "400 allow in AzureLoadBalancer -> VirtualNetwork:60000-60001 Tcp"


def rule(text: str) -> SecurityRule:
    """A rule from `PRIORITY allow|deny in|out SOURCE[:PORTS] -> DESTINATION[:PORTS] [Tcp|Udp]`; lists have commas."""
    found = RULE.fullmatch(text)
    assert found, text
    priority, access, direction, source, destination, protocol = found.groups()
    return SecurityRule(
        name=f"{access}-{priority}",
        priority=int(priority),
        direction="Inbound" if direction == "in" else "Outbound",
        access="Allow" if access == "allow" else "Deny",
        protocol=PROTOCOLS[protocol],
        source_prefixes=_prefixes(source),
        source_ports=_ports(source),
        destination_prefixes=_prefixes(destination),
        destination_ports=_ports(destination),
    )


def _prefixes(end: str) -> tuple[str, ...]:
    return tuple(end.partition(":")[0].split(","))


def _ports(end: str) -> tuple[PortRange, ...]:
    ports = end.partition(":")[2]
    return tuple(port_range(each) for each in ports.split(",")) if ports else ANY_PORT


def nsg(*rules: str | SecurityRule) -> SecurityGroup:
    """The group of the build subnet, with these rules only."""
    return SecurityGroup(BUILD_GROUP, tuple(rule(each) if isinstance(each, str) else each for each in rules))


def world(
    *rules: str | SecurityRule,
    topology: Topology = "existing-vnet",
    data: Literal["match_nat_ip", "bypass"] = "match_nat_ip",
    proxies: int = 1,
    distribution: Distribution = "Default",
) -> World:
    """The default world with these rules in the build subnet's group, and so many proxies."""
    found = default_world(topology, Switches(pls_data_nsg=data)).laid(nsg(*rules))
    if found.balancer:
        balancing = tuple(replace(each, distribution=distribution) for each in found.balancer.rules)
        found = found.laid(replace(found.balancer, rules=balancing))
    for number in range(2, proxies + 1):
        found = _with_proxy(found, number)
    return found


def _with_proxy(found: World, number: int) -> World:
    name = f"proxy-{number}"
    nic = deployed.interface(name, IPv4Address(f"10.60.0.{126 + number}"), BUILD_SUBNET, pools=(deployed.POOL,))
    machine, member = deployed.machine("proxy", name)
    laid = found.laid(nic, machine)
    return replace(laid, parts=replace(laid.parts, members=(*laid.members, member)))


def healthy(found: World, *, stopped: Iterable[str] = (), down: Iterable[str] = ()) -> Condition:
    """Every probe up, but for the hops that are `down`; the services of `stopped` hops do not listen."""
    assert found.balancer
    up = {
        (probe.id, machine.interface)
        for probe in found.balancer.probes
        for machine in found.proxies
        if machine.hop not in set(down)
    }
    return Condition(frozenset(up), frozenset(stopped))


def with_state(found: World, state: ConnectionState) -> World:
    """The connection of the private endpoint in another state, as its own side has it."""
    assert found.endpoint
    connections = tuple(replace(each, state=state) for each in found.endpoint.connections)
    return found.laid(replace(found.endpoint, connections=connections))


def without(found: World, role: str) -> World:
    """The channel without its machines of one role."""
    members = tuple(each for each in found.members if each.role != role)
    return replace(found, parts=replace(found.parts, members=members))


def with_subnet(found: World, wanted: ResourceId, **fields: Any) -> World:
    """The world with other fields of one subnet."""
    network = found.network_of(wanted)
    changed = tuple(replace(each, **fields) if each.id == wanted else each for each in network.subnets)
    return found.laid(replace(network, subnets=changed))


def with_routes(found: World, *routes: str, subnet: ResourceId = BUILD_SUBNET) -> World:
    """The world with a route table at a subnet; a route is `PREFIX -> HOP [ADDRESS]`."""
    identity = ROUTES if subnet == BUILD_SUBNET else resource_id(NETWORK + "routeTables", f"routes-{subnet.name}")
    table = RouteTable(identity, tuple(_route(text) for text in routes))
    return with_subnet(found.laid(table), subnet, route_table=identity)


def _route(text: str) -> Route:
    prefix, _, rest = text.partition(" -> ")
    hop, _, address = rest.partition(" ")
    (known,) = (each for each in get_args(NextHop) if each == hop)
    return Route(f"to-{hop}", prefix, known, IPv4Address(address) if address else None)


def appliance(address: str, *, forwarding: bool = True, subnet: ResourceId = BUILD_SUBNET) -> Interface:
    """The interface of a virtual appliance."""
    return replace(deployed.interface("nva", IPv4Address(address), subnet), forwarding=forwarding)


def with_appliance(found: World, *, forwarding: bool = True) -> World:
    """The default world with a virtual appliance, 10.60.2.4, in a subnet of its own: `NVA_SUBNET`."""
    network = found.network_of(BUILD_SUBNET)
    home = Subnet(NVA_SUBNET, (IPv4Network("10.60.2.0/24"),))
    return found.laid(
        replace(network, subnets=(*network.subnets, home)),
        appliance("10.60.2.4", forwarding=forwarding, subnet=NVA_SUBNET),
    )


def nic_of(found: World, hop: str) -> Interface:
    """The interface of a hop."""
    return found.interface_of(next(each for each in found.members if each.hop == hop))


TAGS = ("VirtualNetwork", "AzureLoadBalancer", "Internet")
RANGES = (
    "*",
    "10.60.0.0/24",
    "10.60.0.5",
    "168.63.129.16",
    "0.0.0.0/0",
)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True)
port_ranges = st.one_of(
    st.just(PortRange()),
    st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda both: PortRange(min(both), max(both))),
    st.sampled_from([PortRange(22, 22), PortRange(60000, 60001), PortRange(1024, 65535)]),
)


def _rules(priority: int, direction: Direction) -> st.SearchStrategy[SecurityRule]:
    some = st.lists(st.sampled_from(RANGES), min_size=1, max_size=3)
    prefixes = st.tuples(st.lists(st.sampled_from(TAGS), max_size=1), some).map(lambda both: (*both[0], *both[1]))
    ports = st.lists(port_ranges, min_size=1, max_size=3).map(tuple)
    return st.builds(
        SecurityRule,
        name=st.just(f"{direction}-{priority}"),
        priority=st.just(priority),
        direction=st.just(direction),
        access=st.sampled_from(("Allow", "Deny")),
        protocol=st.sampled_from(("Tcp", "Udp", "Icmp", "*")),
        source_prefixes=prefixes,
        source_ports=ports,
        destination_prefixes=prefixes,
        destination_ports=ports,
        description=st.text(max_size=20),
    )


@st.composite
def groups(draw: st.DrawFn) -> SecurityGroup:
    """Security groups as Azure would take them: no priority twice in one direction."""
    keys = st.tuples(st.integers(100, 4096), st.sampled_from(DIRECTIONS))
    chosen = draw(st.lists(keys, unique=True, max_size=6))
    return SecurityGroup(BUILD_GROUP, tuple(draw(_rules(priority, direction)) for priority, direction in chosen))
