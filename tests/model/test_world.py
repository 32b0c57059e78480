"""Worlds find what IDs refer to, and change as whole values."""

import dataclasses
from ipaddress import IPv4Address
from typing import Any

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, LINUX_IP, NETWORK, SERVICE_VNET, VNET
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import Peering, PublicIp, RouteTable, SecurityGroup
from emulator.model.world import SYSTEMS, World, build_role
from tests.worlds import nic_of, nsg, world

OTHER = resource_id("Microsoft.Network/networkSecurityGroups", "other")


def test_references() -> None:
    """Every reference of the default world leads to its resource, whatever the case of the ID."""
    found = world(proxies=2)
    for member in found.members:
        interface = found.interface_of(member)
        assert found.member_at(interface.id) is member
        assert interface.address in found.subnet(interface.subnet)
        assert found.network_of(interface.subnet).id == VNET
    assert found.group(ResourceId(BUILD_GROUP.text.upper())) is found.groups[0]
    assert found.subnet(ResourceId(BUILD_SUBNET.text.upper())).id == BUILD_SUBNET


def test_what_is_absent() -> None:
    """No group for no ID; an ID of nothing that was loaded is named."""
    found = world()

    assert (found.group(None), found.route_table(None)) == (None, None)
    assert found.member("client") is None
    for look in (found.group, found.route_table, found.subnet, found.network_of, found.interface):
        with pytest.raises(NotLoadedError, match=f"{OTHER} was not loaded"):
            look(OTHER)


def test_proxies_and_build_vms() -> None:
    """Proxies come in order; each system has its build VM."""
    found = world(proxies=3)

    assert [each.hop for each in found.proxies] == ["proxy", "proxy-2", "proxy-3"]
    assert [build_role(system) for system in SYSTEMS] == ["build-linux", "build-windows"]
    assert all(found.member(build_role(system)) for system in SYSTEMS)


def test_a_group_replaces_the_one_with_its_id() -> None:
    """A group laid over a world replaces whole the one with its ID, or joins the others; the old world stays."""
    found = world("100 deny in * -> *")
    same = dataclasses.replace(nsg(), id=ResourceId(BUILD_GROUP.text.upper()))

    assert found.laid(same).groups == (same,)
    assert set(found.laid(SecurityGroup(OTHER)).groups) == {found.groups[0], SecurityGroup(OTHER)}
    assert len(found.groups[0].rules) == 1


def test_values_are_frozen() -> None:
    """A world cannot be changed in place."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        world().topology = "public-ip"  # type: ignore[misc]


def test_a_derived_value_is_made_once() -> None:
    """What is derived from a world is made once for it, and anew for a changed one."""
    found, made = world(), []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [found.remembered("key", make), found.remembered("key", make)] == [1, 1]
    assert found.laid(nsg()).remembered("key", make) == 2
    assert found.laid(nsg(*found.groups[0].rules)) == found


def test_subnets_and_tables() -> None:
    """Whether a subnet was loaded can be asked, and a route table is found by its ID."""
    table = RouteTable(resource_id(NETWORK + "routeTables", "t"))
    found = world().laid(table)

    assert (found.has_subnet(BUILD_SUBNET), found.has_subnet(None), found.has_subnet(OTHER)) == (True, False, False)
    assert found.route_table(ResourceId(table.id.text.upper())) == table


def with_peering(found: World, **fields: Any) -> World:
    """The customer's network with a peering to the service's."""
    network = found.network_of(BUILD_SUBNET)
    return found.laid(dataclasses.replace(network, peerings=(Peering("p", **fields),)))


def test_peers() -> None:
    """A network's peers are those that are connected and were loaded."""
    found = with_peering(world(), remote=SERVICE_VNET)

    def peers(of: World) -> list[str]:
        return [each.id.name for each in of.peers(of.network_of(BUILD_SUBNET))]

    assert peers(found) == ["aib-service"]
    assert peers(with_peering(found, remote=SERVICE_VNET, access=False)) == []
    assert peers(with_peering(found, remote=OTHER)) == []


def test_who_has_an_address() -> None:
    """An address is looked for within one network: others may have it as well."""
    found = world()
    customers, services = found.networks
    address = IPv4Address("10.60.0.7")

    assert found.interface_at(address, customers) == nic_of(found, "proxy")
    assert found.interface_at(address, services) is None
    assert found.interface_at(IPv4Address("10.60.0.99"), customers) is None


def test_public_addresses() -> None:
    """An interface has the public address of its primary configuration, if Azure gave it one."""
    found = world(topology="public-ip")
    nic = nic_of(found, "build-linux")
    bare = dataclasses.replace(nic, configurations=())

    assert str(found.public_address(nic)) == "203.0.113.10"
    assert (found.public_address(bare), found.laid(PublicIp(LINUX_IP)).public_address(nic)) == (None, None)
    with pytest.raises(NotLoadedError, match=f"public IP {LINUX_IP} was not loaded"):
        dataclasses.replace(found, public_ips=()).public_address(nic)


def test_the_address_of_an_endpoint() -> None:
    """An endpoint has its interface's address, or the one it was configured with; else nobody knows it."""
    found = world()
    assert found.endpoint
    without = dataclasses.replace(found, interfaces=())
    asked = dataclasses.replace(found.endpoint, configured=IPv4Address("10.61.0.9"))

    assert (str(found.address_of(asked)), str(without.address_of(asked))) == ("10.61.0.5", "10.61.0.9")
    with pytest.raises(NotLoadedError, match="aib-pe, with its address, was not loaded"):
        without.address_of(found.endpoint)


def test_the_three_parts_of_private_link() -> None:
    """Endpoint, service and balancer are found together, or the world says that it lacks one."""
    found = world()

    assert found.linked == (found.endpoint, found.service, found.balancer)
    for without in (
        dataclasses.replace(found, endpoints=()),
        dataclasses.replace(found, services=()),
        dataclasses.replace(found, balancers=()),
    ):
        with pytest.raises(NotLoadedError, match="has no private endpoint with a private link service"):
            str(without.linked)
