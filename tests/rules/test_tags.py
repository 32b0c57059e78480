"""Names in rules: what tags, routes and application security groups contain at one subnet (azure.md 2.3)."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any, Literal

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET, SERVICE_VNET, VNET
from emulator.model.ids import resource_id
from emulator.model.network import ApplicationSecurityGroup, Peering, ServiceTags
from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.rules import ranges
from emulator.rules.tags import Tags, UnknownTagError, tags_at
from tests.azure_values import NETWORK
from tests.worlds import nic_of, with_routes, with_subnet, world

GONE = VNET.parent.child("virtualNetworks", "gone")
ASG = resource_id(NETWORK + "applicationSecurityGroups", "proxies")
TAGS = ServiceTags(
    resource_id(NETWORK + "serviceTags", "Public"),
    (("Storage", (IPv4Network("20.60.0.0/16"), ip_network("2001:db8::/32"))), ("Sql.WestEurope", ())),
)


def within(found: World, tag: str, address: str) -> bool:
    """Whether a tag contains an address at the build subnet."""
    return tags_at(found, BUILD_SUBNET).contains(tag, IPv4Address(address))


def with_peering(**fields: Any) -> World:
    """The customer's network with one peering."""
    found = world()
    peering = replace(Peering("p", SERVICE_VNET, remote_prefixes=(IPv4Network("10.62.0.0/16"),)), **fields)
    return found.laid(replace(found.network_of(BUILD_SUBNET), peerings=(peering,)))


# What `VirtualNetwork` contains beside its own space and the host: connected peers, prefixes of user-defined routes.
NETWORKS: list[tuple[World, str, bool]] = [
    (world(), "10.60.0.8", True),
    (world(), "168.63.129.16", True),
    (world(), "10.61.0.9", False),
    (with_peering(), "10.61.0.9", True),
    (with_peering(), "10.62.0.9", False),
    (with_peering(remote=GONE), "10.62.0.9", True),
    (with_peering(state="Disconnected"), "10.61.0.9", False),
    (with_peering(access=False), "10.61.0.9", False),
    (with_routes(world(), "192.168.50.0/24 -> VirtualNetworkGateway"), "192.168.50.9", True),
    (with_routes(world(), "192.168.50.0/24 -> VirtualNetworkGateway"), "192.168.51.9", False),
    (with_routes(world(), "Storage -> Internet").laid(TAGS), "20.60.0.9", False),
    (with_routes(world(), "0.0.0.0/0 -> None"), "8.8.8.8", True),
]


@pytest.mark.parametrize(("found", "address", "inside"), NETWORKS)
def test_the_virtual_network(found: World, address: str, *, inside: bool) -> None:
    """The tag is the network's own space, its peers', the host's address, and what its routes lead to."""
    assert within(found, "VirtualNetwork", address) is inside


@pytest.mark.parametrize(("switch", "inside"), [("include", True), ("exclude", False)])
def test_the_default_route(switch: Literal["include", "exclude"], *, inside: bool) -> None:
    """Whether a default route makes the tag match everything is a switch's to say; what is in it is not Internet."""
    found = with_routes(world(), "0.0.0.0/0 -> None", "10.9.0.0/16 -> None")
    found = replace(found, switches=Switches(virtual_network_tag_default_route=switch))

    assert within(found, "VirtualNetwork", "8.8.8.8") is inside
    assert within(found, "Internet", "8.8.8.8") is not inside
    assert within(found, "VirtualNetwork", "10.9.0.9")


@pytest.mark.parametrize("admits", [False, True])
def test_the_tag_of_the_load_balancer(*, admits: bool) -> None:
    """`AzureLoadBalancer` is the host's address; private-link data is in it where the switch says so."""
    found = replace(world(), switches=Switches(load_balancer_tag_admits_data=admits))
    direct = replace(world(topology="public-ip"), switches=Switches(load_balancer_tag_admits_data=admits))

    assert within(found, "AzureLoadBalancer", "168.63.129.16")
    assert within(found, "AzureLoadBalancer", "10.60.0.5") is admits
    assert not within(found, "AzureLoadBalancer", "10.60.0.6")
    assert not within(direct, "AzureLoadBalancer", "10.60.0.5")


# Tags that every network knows, and those that were loaded, without regard to case.
KNOWN = [
    ("AzurePlatformDNS", "168.63.129.16", True),
    ("AzurePlatformLKM", "168.63.129.16", True),
    ("azureplatformimds", "169.254.169.254", True),
    ("AzurePlatformIMDS", "168.63.129.16", False),
    ("storage", "20.60.1.1", True),
    ("Storage", "20.61.1.1", False),
    ("SQL.westeurope", "20.60.1.1", False),
    ("10.0.0.9/8", "10.200.0.1", True),
    ("10.0.0.4", "10.0.0.4", True),
    ("2001:db8::/32", "10.0.0.4", False),
    ("fd00::/8", "10.0.0.4", False),
]


@pytest.mark.parametrize(("tag", "address", "inside"), KNOWN)
def test_tags_that_are_known(tag: str, address: str, *, inside: bool) -> None:
    """Platform tags need nothing, service tags what was loaded; IPv6 ranges contain no IPv4 address."""
    assert within(world().laid(TAGS), tag, address) is inside


def test_a_tag_that_was_not_loaded() -> None:
    """A tag that nobody loaded is unknown; its addresses are public, and none of them an example's."""
    tags = Tags((IPv4Network("20.0.0.0/8"),))

    with pytest.raises(UnknownTagError, match=r"Storage\.NorthEurope"):
        tags.ranges("Storage.NorthEurope")
    possible = ["8.8.8.8", "20.1.1.1", "10.0.0.1", "168.63.129.16", "203.0.113.10"]
    assert [each for each in possible if ranges.contains(tags.unknown(), int(IPv4Address(each)))] == ["8.8.8.8"]
    assert ranges.contains(tags.public(), int(IPv4Address("203.0.113.10")))


def test_a_route_does_not_tell_where_a_tag_is_not() -> None:
    """A default route makes everything `VirtualNetwork`; an unknown service tag may still lie anywhere in it."""
    found = with_routes(world(), "0.0.0.0/0 -> VirtualAppliance 10.60.0.9")
    tags = tags_at(found, BUILD_SUBNET)

    assert ranges.contains(tags.ranges("VirtualNetwork"), int(IPv4Address("8.8.8.8")))
    assert ranges.contains(tags.unknown(), int(IPv4Address("8.8.8.8")))
    assert not ranges.contains(tags.unknown(), int(IPv4Address("10.60.0.8")))


def test_application_groups() -> None:
    """A group contains the addresses of the configurations that name it; one that nobody loaded is not known."""
    found = world(proxies=2)
    nic = nic_of(found, "proxy")
    named = replace(nic, configurations=tuple(replace(each, groups=(ASG,)) for each in nic.configurations))
    loose = replace(named, id=nic.id.parent.child("networkInterfaces", "loose"))
    loose = replace(loose, configurations=tuple(replace(each, address=None) for each in loose.configurations))
    tags = tags_at(found.laid(named, loose), BUILD_SUBNET)

    assert tags.members(ASG) == [(int(nic.address), int(nic.address))]
    other = ApplicationSecurityGroup(resource_id(NETWORK + "applicationSecurityGroups", "other"))
    assert tags_at(found.laid(other), BUILD_SUBNET).members(other.id) == []
    with pytest.raises(UnknownTagError):
        tags.members(other.id)


def test_each_subnet_has_its_own() -> None:
    """Tags are told for one subnet: routes of another count for nothing there."""
    found = with_routes(world(), "10.9.0.0/16 -> None", subnet=SERVICE_SUBNET)

    assert not within(found, "VirtualNetwork", "10.9.0.9")
    assert tags_at(found, SERVICE_SUBNET).contains("VirtualNetwork", IPv4Address("10.9.0.9"))
    assert tags_at(found, SERVICE_SUBNET) is tags_at(found, SERVICE_SUBNET)


def test_what_must_be_loaded() -> None:
    """Without the subnet, or its route table, nobody knows what `VirtualNetwork` is there."""
    gone = BUILD_SUBNET.parent.child("subnets", "gone")

    with pytest.raises(NotLoadedError, match=f"subnet {gone} was not loaded"):
        tags_at(world(), gone)
    with pytest.raises(NotLoadedError, match="route table"):
        tags_at(with_subnet(world(), BUILD_SUBNET, route_table=GONE), BUILD_SUBNET)
