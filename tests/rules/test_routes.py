"""Routes of a subnet: which one a packet takes, and what becomes of it there (azure.md 5.3)."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any, Literal

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET, SERVICE_VNET, VNET
from emulator.model.ids import resource_id
from emulator.model.network import EndpointPolicy, Peering, ServiceTags
from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.reason import Outcome
from emulator.rules.routes import effective_routes, next_hop, routed
from tests.azure_values import NETWORK
from tests.worlds import ROUTES, appliance, with_routes, with_subnet, world

TAGS = ServiceTags(
    resource_id(NETWORK + "serviceTags", "Public"),
    (("Storage.WestEurope", (IPv4Network("20.60.0.0/16"), ip_network("2001:db8::/32"))),),
)


def hop(found: World, destination: str) -> str:
    """The route to a destination from the build subnet."""
    return str(next_hop(found, BUILD_SUBNET, IPv4Address(destination)))


OWN = "Azure's own route for"
# Routes of the table, a destination, and the route it takes: the longest prefix, of equals the user's.
HOPS: list[tuple[tuple[str, ...], str, str]] = [
    ((), "10.60.0.8", f"{OWN} 10.60.0.0/16 to VnetLocal"),
    ((), "8.8.8.8", f"{OWN} 0.0.0.0/0 to Internet"),
    ((), "10.9.9.9", f"{OWN} 10.0.0.0/8 to None"),
    ((), "100.64.0.1", f"{OWN} 100.64.0.0/10 to None"),
    ((), "172.16.0.1", f"{OWN} 172.16.0.0/12 to None"),
    ((), "192.168.1.1", f"{OWN} 192.168.0.0/16 to None"),
    (
        ("0.0.0.0/0 -> VirtualAppliance 10.60.0.99",),
        "8.8.8.8",
        "route to-VirtualAppliance (0.0.0.0/0) to VirtualAppliance 10.60.0.99",
    ),
    (("0.0.0.0/0 -> VirtualAppliance 10.60.0.99",), "10.60.0.8", f"{OWN} 10.60.0.0/16 to VnetLocal"),
    (("0.0.0.0/0 -> VirtualNetworkGateway",), "10.9.9.9", f"{OWN} 10.0.0.0/8 to None"),
    (("10.0.0.0/8 -> VirtualNetworkGateway",), "10.9.9.9", "route to-VirtualNetworkGateway (10.0.0.0/8) to Virtual"),
    (("10.60.0.0/16 -> None",), "10.60.0.8", "route to-None (10.60.0.0/16) to None"),
    (("10.60.0.8/32 -> VnetLocal", "10.60.0.0/24 -> None"), "10.60.0.8", "route to-VnetLocal (10.60.0.8/32) to Vnet"),
    (("10.60.0.8/32 -> VnetLocal", "10.60.0.0/24 -> None"), "10.60.0.9", "route to-None (10.60.0.0/24) to None"),
    (("Storage.WestEurope -> None",), "20.60.1.1", f"{OWN} 0.0.0.0/0 to Internet"),
]


@pytest.mark.parametrize(("routes", "destination", "expected"), HOPS)
def test_the_longest_prefix_wins(routes: tuple[str, ...], destination: str, expected: str) -> None:
    """A packet takes the route of the longest prefix, of two for one prefix the user's."""
    found = world() if not routes else with_routes(world(), *routes)

    assert hop(found, destination).startswith(expected)


def test_a_route_for_a_service_tag() -> None:
    """A route for a service tag holds for the tag's ranges where these were loaded."""
    found = with_routes(world().laid(TAGS), "storage.westeurope -> None")

    assert hop(found, "20.60.1.1") == "route to-None (20.60.0.0/16) to None"
    assert hop(found, "20.61.1.1").startswith(OWN)


def test_effective_routes() -> None:
    """Every route of a subnet is told, the displaced ones as not active, the most specific first."""
    found = effective_routes(with_routes(world(), "10.60.0.0/16 -> None", "10.60.0.8/32 -> VnetLocal"), BUILD_SUBNET)
    ours = [each for each in found if IPv4Address("10.60.0.8") in each.prefix and each.prefix.prefixlen > 8]

    assert [(str(each.prefix), each.hop, each.source, each.active) for each in ours] == [
        ("10.60.0.8/32", "VnetLocal", "User", True),
        ("10.60.0.0/16", "None", "User", True),
        ("10.60.0.0/16", "VnetLocal", "Default", False),
    ]
    assert found[0].table == ROUTES
    assert [each.prefix.prefixlen for each in found] == sorted(
        (each.prefix.prefixlen for each in found), reverse=True
    )


def test_a_network_of_a_whole_private_range() -> None:
    """A network that has all of a private range has no route that drops it (virtual-networks-udr-overview)."""
    network = replace(world().network_of(BUILD_SUBNET), prefixes=(IPv4Network("10.0.0.0/8"),))
    found = effective_routes(world().laid(network), BUILD_SUBNET)

    assert [each.hop for each in found if each.prefix == IPv4Network("10.0.0.0/8")] == ["VnetLocal"]


def with_peering(found: World, **fields: Any) -> World:
    """The customer's network, peered with the service's."""
    peering = replace(Peering("p", SERVICE_VNET, remote_prefixes=(IPv4Network("10.62.0.0/16"),)), **fields)
    return found.laid(replace(found.network_of(BUILD_SUBNET), peerings=(peering,)))


PEERED = f"{OWN} 10.61.0.0/24 to VNetPeering"
# A peering, a destination, and where it goes: the peer's own ranges count, or those that the peering says.
PEERINGS: list[tuple[dict[str, Any], str, str]] = [
    ({}, "10.61.0.9", PEERED),
    ({"state": "Initiated"}, "10.61.0.9", f"{OWN} 10.0.0.0/8 to None"),
    ({"access": False}, "10.61.0.9", f"{OWN} 10.0.0.0/8 to None"),
    ({"remote": VNET.parent.child("virtualNetworks", "gone")}, "10.62.0.9", f"{OWN} 10.62.0.0/16 to VNetPeering"),
    ({"remote": VNET.parent.child("virtualNetworks", "gone")}, "10.61.0.9", f"{OWN} 10.0.0.0/8 to None"),
]


@pytest.mark.parametrize(("fields", "destination", "expected"), PEERINGS)
def test_peerings(fields: dict[str, Any], destination: str, expected: str) -> None:
    """A connected peering leads to the other network."""
    assert hop(with_peering(world(), **fields), destination) == expected


NVA = "VirtualAppliance 10.60.0.99"
# A subnet prefix routed elsewhere (azure.md 5.3): routes, further resources, whether it arrives, and why.
FATES: list[tuple[tuple[str, ...], tuple[Any, ...], bool, str]] = [
    ((), (), True, "follows Azure's own route for 10.60.0.0/16 to VnetLocal"),
    ((f"10.60.0.0/24 -> {NVA}",), (), False, "sends it to an appliance that is not among what was loaded"),
    ((f"10.60.0.0/24 -> {NVA}",), (appliance("10.60.0.99"),), True, "and nva-nic forwards it"),
    (
        (f"10.60.0.0/24 -> {NVA}",),
        (appliance("10.60.0.99", forwarding=False),),
        False,
        "sends it to nva-nic, which has IP forwarding off",
    ),
    (("10.60.0.0/24 -> None",), (), False, "route to-None (10.60.0.0/24) to None drops it"),
    (("10.60.0.0/24 -> VirtualNetworkGateway",), (), False, "to a gateway, and nothing behind one was loaded"),
    (("10.60.0.0/24 -> Internet",), (), False, "to the Internet, where 10.60.0.8 is not"),
    (("10.60.0.0/24 -> VnetLocal",), (), True, "follows route to-VnetLocal (10.60.0.0/24) to VnetLocal"),
    ((f"0.0.0.0/0 -> {NVA}",), (), True, "follows Azure's own route for 10.60.0.0/16 to VnetLocal"),
]


@pytest.mark.parametrize(("routes", "resources", "carried", "why"), FATES)
def test_what_becomes_of_a_packet(
    routes: tuple[str, ...], resources: tuple[Any, ...], why: str, *, carried: bool
) -> None:
    """A packet within the network arrives unless a route leads it away, to something that does not pass it on."""
    found = with_routes(world(), *routes).laid(*resources)
    verdict = routed(found, BUILD_SUBNET, IPv4Address("10.60.0.8"), "it")

    assert (verdict.carried, verdict.reason.kind) == (carried, "route")
    assert verdict.outcome in (Outcome.CARRIED, Outcome.DROPPED)
    assert why in str(verdict)
    assert verdict.reason.id == (ROUTES.text if routes and "0.0.0.0" not in routes[0] else BUILD_SUBNET.text)


@pytest.mark.parametrize("unknown", ["drop", "forward"])
def test_an_unknown_appliance(unknown: Literal["drop", "forward"]) -> None:
    """What an appliance that was not loaded does is a switch's to say."""
    found = replace(with_routes(world(), f"10.60.0.0/24 -> {NVA}"), switches=Switches(unknown_appliance=unknown))

    assert routed(found, BUILD_SUBNET, IPv4Address("10.60.0.8"), "it").carried == (unknown == "forward")


def test_an_appliance_in_a_peer() -> None:
    """An appliance may be in a peered network."""
    found = with_peering(with_routes(world(), "10.60.0.0/24 -> VirtualAppliance 10.61.0.99"))
    beside = found.laid(appliance("10.61.0.99", subnet=SERVICE_SUBNET))

    assert not routed(found, BUILD_SUBNET, IPv4Address("10.60.0.8"), "it").carried
    assert routed(beside, BUILD_SUBNET, IPv4Address("10.60.0.8"), "it").carried


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


def test_other_address_families() -> None:
    """IPv6 prefixes of a network and of a user's routes have no part in an IPv4 route."""
    network = world().network_of(BUILD_SUBNET)
    both = world().laid(replace(network, prefixes=(*network.prefixes, ip_network("fd00::/48"))))

    assert hop(with_routes(both, "::/0 -> None"), "10.60.0.8") == f"{OWN} 10.60.0.0/16 to VnetLocal"
    assert hop(with_routes(both, "::/0 -> None"), "8.8.8.8") == f"{OWN} 0.0.0.0/0 to Internet"


def test_an_endpoint_of_unknown_address() -> None:
    """An endpoint whose address was not loaded puts no route anywhere."""
    found = replace(world(), interfaces=())

    assert "InterfaceEndpoint" not in {each.hop for each in effective_routes(found, SERVICE_SUBNET)}


def test_a_table_that_was_not_loaded() -> None:
    """A subnet whose route table was not loaded cannot be decided about; others can."""
    found = with_subnet(world(), BUILD_SUBNET, route_table=ROUTES)

    with pytest.raises(NotLoadedError, match=r"route table .*/routes was not loaded"):
        routed(found, BUILD_SUBNET, IPv4Address("10.60.0.8"), "it")
    assert routed(found, SERVICE_SUBNET, IPv4Address("10.61.0.4"), "it").carried
