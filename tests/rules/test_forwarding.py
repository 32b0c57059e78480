"""The way of a packet: what becomes of it along routes, and at the appliances that they lead to (azure.md 5.3)."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Literal

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, NETWORK, SERVICE_SUBNET, SERVICE_VNET, VNET
from emulator.model.flow import Flow
from emulator.model.ids import resource_id
from emulator.model.network import EndpointPolicy, Peering, SecurityGroup
from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.reason import Outcome
from emulator.rules.forwarding import Packet, routed, way
from tests.worlds import NVA, NVA_SUBNET, ROUTES, appliance, rule, with_appliance, with_routes, with_subnet, world

BUILD = IPv4Address("10.60.0.8")
FLOW = Flow(IPv4Address("10.60.0.7"), 40000, BUILD, 22)
NVA_GROUP = resource_id(NETWORK + "networkSecurityGroups", "nva")
# A subnet prefix routed elsewhere (azure.md 5.3): routes, the world, whether it arrives, and why.
FATES: list[tuple[tuple[str, ...], World, bool, str]] = [
    ((), world(), True, "follows Azure's own route for 10.60.0.0/16 to VnetLocal"),
    ((f"10.60.0.0/24 -> {NVA}",), world(), False, "sends it to an appliance that is not among what was loaded"),
    ((f"10.60.0.0/24 -> {NVA}",), with_appliance(world()), True, "and nva-nic forwards it"),
    (
        (f"10.60.0.0/24 -> {NVA}",),
        with_appliance(world(), forwarding=False),
        False,
        "sends it to nva-nic, which has IP forwarding off",
    ),
    (("10.60.0.0/24 -> None",), world(), False, "route to-None (10.60.0.0/24) to None drops it"),
    (("10.60.0.0/24 -> VirtualNetworkGateway",), world(), False, "to a gateway, and nothing behind one was loaded"),
    (("10.60.0.0/24 -> Internet",), world(), False, "to the Internet, where 10.60.0.8 is not"),
    (("10.60.0.0/24 -> VnetLocal",), world(), True, "follows route to-VnetLocal (10.60.0.0/24) to VnetLocal"),
    ((f"0.0.0.0/0 -> {NVA}",), world(), True, "follows Azure's own route for 10.60.0.0/16 to VnetLocal"),
]


@pytest.mark.parametrize(("routes", "found", "carried", "why"), FATES)
def test_what_becomes_of_a_packet(routes: tuple[str, ...], found: World, why: str, *, carried: bool) -> None:
    """A packet within the network arrives unless a route leads it away, to something that does not pass it on."""
    verdict = routed(with_routes(found, *routes), BUILD_SUBNET, BUILD, "it")

    assert (verdict.carried, verdict.reason.kind) == (carried, "route")
    assert verdict.outcome in (Outcome.CARRIED, Outcome.DROPPED)
    assert why in str(verdict)
    assert verdict.reason.id == (ROUTES.text if routes and "0.0.0.0" not in routes[0] else BUILD_SUBNET.text)


@pytest.mark.parametrize("unknown", ["drop", "forward"])
def test_an_unknown_appliance(unknown: Literal["drop", "forward"]) -> None:
    """What an appliance that was not loaded does is a switch's to say."""
    found = replace(with_routes(world(), f"10.60.0.0/24 -> {NVA}"), switches=Switches(unknown_appliance=unknown))

    assert routed(found, BUILD_SUBNET, BUILD, "it").carried == (unknown == "forward")


def test_an_appliance_in_the_subnet_that_is_routed_to_it() -> None:
    """An appliance within the subnet that has the route gets back what it sends on: a loop (UDR overview)."""
    found = with_routes(world(), "10.60.0.0/24 -> VirtualAppliance 10.60.0.99").laid(appliance("10.60.0.99"))
    verdict = routed(found, BUILD_SUBNET, BUILD, "it")

    assert (verdict.outcome, verdict.reason.id) == (Outcome.DROPPED, ROUTES.text)
    assert "it goes in a loop" in str(verdict)


def test_routes_behind_an_appliance() -> None:
    """From an appliance on the routes of its own subnet count."""
    found = with_routes(with_appliance(world()), f"10.60.0.0/24 -> {NVA}")
    lost = with_routes(found, "10.60.0.8/32 -> None", subnet=NVA_SUBNET)

    assert routed(found, BUILD_SUBNET, BUILD, "it").carried
    assert routed(lost, BUILD_SUBNET, BUILD, "it").reason.name == "to-None"


# Rules of a group at the appliance, and the names of what a flow meets until it goes straight to its end or is lost.
AT_THE_APPLIANCE = [
    ("200 deny in * -> *:23", ["to-VirtualAppliance", "AllowVnetInBound", "AllowVnetOutBound", "VnetLocal"]),
    ("200 deny in * -> *:22", ["to-VirtualAppliance", "deny-200"]),
    ("200 deny out *:40000 -> *", ["to-VirtualAppliance", "AllowVnetInBound", "deny-200"]),
]


@pytest.mark.parametrize(("text", "names"), AT_THE_APPLIANCE)
def test_the_groups_at_an_appliance(text: str, names: list[str]) -> None:
    """An appliance's own groups see a flow come in and go out; an answer belongs to a flow that they let pass."""
    found = with_routes(with_appliance(world()), f"10.60.0.0/24 -> {NVA}")
    found = with_subnet(found.laid(SecurityGroup(NVA_GROUP, (rule(text),))), NVA_SUBNET, group=NVA_GROUP)
    met = []
    for verdict in way(found, BUILD_SUBNET, Packet(BUILD, "it", FLOW.source, FLOW)):
        met.append(verdict.reason.name)
        if not verdict.carried:
            break

    assert met == names
    assert routed(found, BUILD_SUBNET, BUILD, "the answer").carried


def peered(found: World, *, forwarded: bool, there: bool = True) -> World:
    """The customer's and the service's network, peered with each other."""
    ours, theirs = found.network_of(BUILD_SUBNET), found.network_of(SERVICE_SUBNET)
    back = Peering("back", VNET)
    return found.laid(
        replace(ours, peerings=(Peering("there", SERVICE_VNET, forwarded=forwarded),)),
        replace(theirs, peerings=(back,) if there else ()),
    )


def test_an_appliance_in_a_peer() -> None:
    """An appliance may be in a peered network, from which the destination must be reached in turn."""
    found = with_routes(world(), "10.60.0.0/24 -> VirtualAppliance 10.61.0.99")
    beside = peered(found, forwarded=True).laid(appliance("10.61.0.99", subnet=SERVICE_SUBNET))

    assert not routed(peered(found, forwarded=True), BUILD_SUBNET, BUILD, "it").carried
    assert routed(beside, BUILD_SUBNET, BUILD, "it").carried
    assert not routed(peered(beside, forwarded=True, there=False), BUILD_SUBNET, BUILD, "it").carried


@pytest.mark.parametrize("forwarded", [True, False])
def test_forwarded_traffic(*, forwarded: bool) -> None:
    """What began elsewhere than in the appliance's network is let in where the peering takes forwarded traffic."""
    found = with_routes(world(), "10.60.0.0/24 -> VirtualAppliance 10.61.0.99")
    found = peered(found, forwarded=forwarded).laid(appliance("10.61.0.99", subnet=SERVICE_SUBNET))
    verdict = routed(found, BUILD_SUBNET, BUILD, "it", FLOW.source)

    assert verdict.carried is forwarded
    assert ("allowForwardedTraffic of its peering is false" in str(verdict)) is not forwarded
    assert routed(found, BUILD_SUBNET, BUILD, "it", IPv4Address("10.61.0.7")).carried


def test_the_host_is_reached_whatever_the_routes() -> None:
    """No route keeps a packet from the host's address 168.63.129.16, or from its instance metadata."""
    found = with_routes(world(), "168.63.129.16/32 -> None", "0.0.0.0/0 -> None")

    for address in ("168.63.129.16", "169.254.169.254"):
        assert routed(found, BUILD_SUBNET, IPv4Address(address), "it").reason.name == "PlatformService"


# A private endpoint's /32 (azure.md 4.2): only its own prefix, or with policies for routes one that is no wider than
# the network, displaces it; the default route never does.
ENDPOINTS: list[tuple[EndpointPolicy, str, bool]] = [
    ("Disabled", "0.0.0.0/0", True),
    ("Disabled", "10.61.0.0/24", True),
    ("Disabled", "10.61.0.5/32", False),
    ("NetworkSecurityGroupEnabled", "10.61.0.0/24", True),
    ("RouteTableEnabled", "10.61.0.0/24", False),
    ("RouteTableEnabled", "10.61.0.0/28", False),
    ("RouteTableEnabled", "10.61.0.128/25", True),
    ("Enabled", "10.61.0.0/24", False),
    ("Enabled", "10.61.0.0/16", True),
    ("Enabled", "0.0.0.0/0", True),
]


@pytest.mark.parametrize(("policy", "prefix", "reached"), ENDPOINTS)
def test_routes_around_a_private_endpoint(policy: EndpointPolicy, prefix: str, *, reached: bool) -> None:
    """A private endpoint has a route of its own, which a user's displaces only where the subnet's policy lets it."""
    found = with_subnet(world(), SERVICE_SUBNET, private_endpoint_policies=policy)
    found = with_routes(found, f"{prefix} -> None", subnet=SERVICE_SUBNET)

    assert routed(found, SERVICE_SUBNET, IPv4Address("10.61.0.5"), "it").carried is reached


def test_a_table_that_was_not_loaded() -> None:
    """A subnet whose route table was not loaded cannot be decided about; others can."""
    found = with_subnet(world(), BUILD_SUBNET, route_table=ROUTES)

    with pytest.raises(NotLoadedError, match=r"route table .*/routes was not loaded"):
        routed(found, BUILD_SUBNET, IPv4Address("10.60.0.8"), "it")
    assert routed(found, SERVICE_SUBNET, IPv4Address("10.61.0.4"), "it").carried
