"""Worlds find what IDs refer to, and change as whole values."""

import dataclasses

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, VNET
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import SecurityGroup
from emulator.model.world import SYSTEMS, build_role
from tests.worlds import nsg, world

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
