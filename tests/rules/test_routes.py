"""Routes of a subnet: which one a packet takes, and what becomes of it there (azure.md 5.3)."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any

import pytest

from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET, SERVICE_VNET, VNET
from emulator.model.ids import resource_id
from emulator.model.network import Peering, ServiceTags
from emulator.model.world import World
from emulator.rules.routes import effective_routes, next_hop
from tests.azure_values import NETWORK
from tests.worlds import ROUTES, with_routes, world

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


def test_an_endpoint_of_a_peer() -> None:
    """The route to a private endpoint stands in peered networks, too, and only there."""
    assert hop(with_peering(world()), "10.61.0.5") == f"{OWN} 10.61.0.5/32 to InterfaceEndpoint"
    assert hop(with_peering(world(), state="Initiated"), "10.61.0.5") == f"{OWN} 10.0.0.0/8 to None"


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
