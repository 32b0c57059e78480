"""The path of any flow: between machines, to a balancer, to and from the Internet."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from emulator.app.worlds import load_world
from emulator.errors import NotLoadedError
from emulator.model import deployed
from emulator.model.default_world import BUILD_SUBNET, VNET
from emulator.model.flow import Protocol
from emulator.model.network import Peering, SecurityGroup, SecurityRule, Subnet, VirtualNetwork
from emulator.model.ports import PortRange
from emulator.model.world import World
from emulator.rules.condition import Condition, assumed
from emulator.rules.ends import end_of
from emulator.rules.legs import Path as FlowPath
from emulator.rules.reach import trace
from tests.worlds import appliance, rule, with_routes, world

EXPORT = load_world(Path(__file__).parents[1] / "data" / "export" / "rest")


def traced(found: World, source: str, target: str, port: int, protocol: Protocol = Protocol.TCP) -> FlowPath:
    """The path between two names."""
    start, end = end_of(found, source), end_of(found, target)
    return trace(found, lambda: assumed(found), start, end, port, protocol=protocol)


def ending(path: FlowPath) -> str:
    """`a → b: dropped, rule`."""
    leg = path.end()
    return f"{leg.name}: {leg.verdict.outcome.value}, {leg.verdict.reason.name}"


# In the exported network: who reaches whom, and what says so.
FLOWS = [
    ("client", "private-endpoint", 60001, "proxy → build-linux: carried, AllowVnetInBound"),
    ("client", "private-endpoint", 60000, "proxy → build-windows: carried, AllowVnetInBound"),
    ("client", "private-endpoint", 22, "private-endpoint → load-balancer: dropped, NoLoadBalancingRule"),
    # Private link is the only way from the service's network: the two are not peered (azure.md 4.1).
    ("client", "build-linux", 22, "client → build-linux: dropped, NoRoute"),
    # Peered networks reach each other; the groups at both ends speak.
    ("vm-jump", "vm-tools", 3389, "vm-jump → vm-tools: carried, AllowAdmins"),
    ("vm-tools", "vm-jump", 22, "vm-tools → vm-jump: carried, NoSecurityGroup"),
    # A balancer keeps the source; a member that is sent to itself gets nothing (azure.md 3.3).
    ("vm-tools", "load-balancer", 60001, "load-balancer → proxy: carried, AllowVnetInBound"),
    ("proxy", "load-balancer", 60001, "load-balancer → proxy: dropped, Hairpin"),
    ("vm-tools", "load-balancer", 443, "vm-tools → load-balancer: dropped, NoLoadBalancingRule"),
    # Outwards by the NAT gateway; inwards there is no public address.
    ("proxy", "internet", 443, "proxy → Internet: carried, NatGateway"),
    ("internet", "build-linux", 22, "Internet → build-linux: dropped, NoPublicAddress"),
    ("8.8.8.8", "8.8.4.4", 53, "8.8.8.8 → 8.8.4.4: carried, Internet"),
    # Addresses that nobody has.
    ("vm-tools", "10.20.1.250", 22, "vm-tools → 10.20.1.250: dropped, NobodyThere"),
    ("10.20.1.250", "internet", 443, "10.20.1.250 → Internet: dropped, NobodyThere"),
    # A user-defined route to an appliance that was not loaded.
    ("proxy", "192.168.50.4", 443, "proxy → 192.168.50.4: dropped, to-onprem"),
]


@pytest.mark.parametrize(("source", "target", "port", "expected"), FLOWS)
def test_flows(source: str, target: str, port: int, expected: str) -> None:
    """Each flow ends where Azure's network ends it, in the name of what did."""
    assert ending(traced(EXPORT, source, target, port)) == expected


def test_every_check_is_kept() -> None:
    """A leg between two machines is judged out, by route, in and for the way back, in that order."""
    (leg,) = traced(EXPORT, "vm-tools", "build-linux", 22).legs

    assert [check.reason.kind for check in leg.checks] == ["rule", "route", "rule", "route"]
    assert leg.verdict == leg.checks[2]


def test_nothing_is_asked_after_the_flow_was_stopped() -> None:
    """A denial on the way out is the last check of its leg."""
    found = world("200 deny out * -> *:22")
    (leg,) = traced(found, "proxy", "build-linux", 22).legs

    assert [check.reason.name for check in leg.checks] == ["deny-200"]


HUB, SPOKE = VNET.parent.child("virtualNetworks", "hub"), VNET.parent.child("virtualNetworks", "spoke")


def hub_and_spoke(*rules: str, routed: bool = True) -> World:
    """The customer's network and another, both peered with a hub alone, and routed through its appliance."""
    found = world()
    group = SecurityGroup(HUB.parent.child("networkSecurityGroups", "hub-nsg"), tuple(rule(text) for text in rules))
    to_hub = (Peering("to-hub", HUB, forwarded=True),)
    hub = Subnet(HUB.child("subnets", "nva"), (IPv4Network("10.70.0.0/24"),), group.id)
    away = Subnet(SPOKE.child("subnets", "s"), (IPv4Network("10.71.0.0/24"),))
    found = found.laid(
        group,
        replace(found.network_of(BUILD_SUBNET), peerings=to_hub),
        VirtualNetwork(HUB, hub.prefixes, (hub,), peerings=(Peering("a", VNET), Peering("b", SPOKE))),
        VirtualNetwork(SPOKE, away.prefixes, (away,), peerings=to_hub),
        appliance("10.70.0.4", subnet=hub.id),
        deployed.interface("far", IPv4Address("10.71.0.4"), away.id),
        deployed.machine("build-linux", "far")[0],
    )
    if not routed:
        return found
    there = with_routes(found, "10.71.0.0/24 -> VirtualAppliance 10.70.0.4")
    return with_routes(there, "10.60.0.0/16 -> VirtualAppliance 10.70.0.4", subnet=away.id)


# Rules of the hub's group, whether the spokes' routes lead through the hub, and where a flow between them ends.
SPOKES = [
    ((), False, "dropped, NoRoute"),
    ((), True, "carried, NoSecurityGroup"),
    (("200 deny in 10.60.0.0/16 -> *:22",), True, "dropped, deny-200"),
    (("200 deny out 10.60.0.0/16 -> *:22",), True, "dropped, deny-200"),
]


@pytest.mark.parametrize(("rules", "routed", "expected"), SPOKES)
def test_hub_and_spoke(rules: tuple[str, ...], expected: str, *, routed: bool) -> None:
    """Networks that are not peered reach each other through a hub's appliance, by routes, if its groups agree."""
    assert ending(traced(hub_and_spoke(*rules, routed=routed), "proxy", "far", 22)) == f"proxy → far: {expected}"


def test_a_way_back_that_misses() -> None:
    """Through a hub the answer needs a route too: without one it is lost."""
    found = hub_and_spoke()
    silent = with_routes(found, "10.99.0.0/16 -> None", subnet=SPOKE.child("subnets", "s"))

    assert ending(traced(silent, "proxy", "far", 22)) == "proxy → far: dropped, None"


def test_udp_has_its_own_rules() -> None:
    """A rule for Tcp says nothing of Udp."""
    deny = "200 deny in * -> *:22 Tcp"

    assert not traced(world(deny), "proxy", "build-linux", 22).carried
    assert traced(world(deny), "proxy", "build-linux", 22, Protocol.UDP).carried


def test_public_addresses_are_reached_from_the_internet() -> None:
    """A machine with a public address is reached where its group lets the source in."""
    found = world(topology="public-ip")
    opened = found.groups[0]
    anybody = SecurityRule("Any", 90, "Inbound", "Allow", destination_ports=(PortRange(22, 22),))

    assert ending(traced(found, "internet", "build-linux", 22)) == "Internet → build-linux: dropped, DenyAllInBound"
    wide = found.laid(replace(opened, rules=(anybody, *opened.rules)))
    assert ending(traced(wide, "internet", "build-linux", 22)) == "Internet → build-linux: carried, Any"
    assert end_of(wide, "internet").address == IPv4Address("203.0.113.1")


def test_what_does_not_hang_on_the_probes() -> None:
    """The condition of the channel is asked for only by a flow that comes to it."""

    def asked() -> Condition:
        raise NotLoadedError("asked")

    start, end = end_of(EXPORT, "vm-tools"), end_of(EXPORT, "build-linux")
    assert trace(EXPORT, asked, start, end, 22).carried
    with pytest.raises(NotLoadedError, match="asked"):
        trace(EXPORT, asked, start, end_of(EXPORT, "load-balancer"), 60001)
    with pytest.raises(NotLoadedError, match="asked"):
        trace(EXPORT, asked, end_of(EXPORT, "client"), end_of(EXPORT, "private-endpoint"), 60001)


def test_a_nat_address_takes_no_connection() -> None:
    """Private link opens connections from the endpoint's side alone: nobody answers at a NAT address."""
    path = traced(EXPORT, "proxy", "private-link-service", 60001)

    assert ending(path) == "proxy → private-link-service: dropped, NatAddress"
    assert ending(traced(EXPORT, "proxy", "10.20.1.5", 22)).endswith("dropped, NatAddress")


def test_a_machines_public_address() -> None:
    """A machine is reached by its public address past its groups, from the Internet and from a network alike."""
    found = world(topology="public-ip")

    assert ending(traced(found, "internet", "203.0.113.10", 22)) == "Internet → build-linux: dropped, DenyAllInBound"
    assert ending(traced(found, "198.51.100.4", "203.0.113.10", 22)).endswith("carried, AllowSshInbound")
    assert ending(traced(found, "build-windows", "203.0.113.10", 22)).endswith("dropped, DenyAllInBound")


def test_an_internal_frontend_is_no_ones_on_the_internet() -> None:
    """From the Internet there is no way to an internal frontend."""
    assert ending(traced(world(), "internet", "load-balancer", 60001)) == (
        "Internet → load-balancer: dropped, NoPublicAddress"
    )
