"""Who plays which hop, and what is said where nobody does."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, CONTAINER_SUBNET
from emulator.model.ids import ResourceId
from emulator.model.image import NetworkConfig
from emulator.model.resources import Parts
from emulator.model.world import World
from emulator.rules.checklist import scene
from tests.templates import template
from tests.worlds import nic_of, without, world


def with_container_subnet(found: World, subnet: ResourceId) -> World:
    """The world with a template that names the container's subnet."""
    named = replace(template(), network=NetworkConfig(BUILD_SUBNET, subnet))
    return replace(found.laid(named), parts=replace(found.parts, template=named.id))


def test_the_hops() -> None:
    """Subnets, proxies and build VMs are the channel's, ports go with the build VMs that are there."""
    found = world()

    assert scene.build_subnet(found).id == BUILD_SUBNET
    assert [each.hop for each in scene.proxies(found)] == ["proxy"]
    assert [(nic.id, port) for nic, port in scene.builds(found)] == [
        (nic_of(found, "build-linux").id, 22),
        (nic_of(found, "build-windows").id, 5986),
    ]
    assert scene.proxy_ports(found) == [60001, 60000]
    assert scene.proxy_ports(without(found, "build-linux")) == [60000]
    assert str(scene.probe_flow(nic_of(found, "proxy"), 60001)) == "168.63.129.16:49152 → 10.60.0.7:60001"


def test_the_container() -> None:
    """The container stands where the client does, or where the template says."""
    found = world(topology="container-instance")

    assert scene.container(found).address == IPv4Address("10.60.1.4")
    assert scene.container(found).subnet == CONTAINER_SUBNET
    assert scene.container_subnet(with_container_subnet(found, BUILD_SUBNET)).id == BUILD_SUBNET


NOWHERE = World("container-instance", IPv4Address("10.0.0.1"))
ELSEWHERE = replace(world(topology="container-instance"), client=IPv4Address("192.0.2.1"))
LACKING: list[tuple[Callable[[World], object], World, str]] = [
    (scene.template_of, world(), "no image template was loaded"),
    (scene.build_subnet, NOWHERE, "nothing says which subnet"),
    (scene.build_subnet, replace(world(), networks=()), "was not loaded"),
    (scene.proxies, without(world(), "proxy"), "has no proxy VM"),
    (scene.systems, replace(world(), parts=Parts()), "there is no build VM"),
    (scene.container_subnet, ELSEWHERE, "no subnet holds the container at 192.0.2.1"),
]


@pytest.mark.parametrize(("ask", "found", "message"), LACKING)
def test_what_is_lacking(ask: Callable[[World], object], found: World, message: str) -> None:
    """What is not there is said, and what would print it."""
    with pytest.raises(NotLoadedError, match=message):
        ask(found)
