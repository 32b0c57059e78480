"""Which topology a build has, and where: the template says, else settings, else what there is."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from emulator.errors import InvalidInputError
from emulator.model import deployed
from emulator.model.ids import ResourceId, resource_id
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.model.network import Subnet, VirtualNetwork
from emulator.model.world import World
from emulator.rules.topology import build_subnet, chosen_template, container_subnet, subnet_of, topology_of
from tests.azure_values import NETWORK

VNET = resource_id(NETWORK + "virtualNetworks", "net", group="rg")
TEMPLATE = ImageTemplate(resource_id("Microsoft.VirtualMachineImages/imageTemplates", "t"))
CONTAINERS = ("Microsoft.ContainerInstance/containerGroups",)
EMPTY = World("existing-vnet", IPv4Address("10.0.0.1"))


def template(called: str = "t", /, **fields: Any) -> ImageTemplate:
    """A template with this network."""
    identity = resource_id("Microsoft.VirtualMachineImages/imageTemplates", called)
    return replace(TEMPLATE, id=identity, network=NetworkConfig(**fields) if fields else None)


def subnet(name: str, **fields: Any) -> Subnet:
    """A subnet of the network."""
    return Subnet(VNET.child("subnets", name), (IPv4Network("10.0.0.0/24"),), **fields)


def net(*subnets: Subnet) -> World:
    """A world with one network."""
    return EMPTY.laid(VirtualNetwork(VNET, (IPv4Network("10.0.0.0/16"),), subnets))


BUILD, ACI = VNET.child("subnets", "build"), VNET.child("subnets", "aci")
OLD = {"name": "net", "subnet_name": "build", "resource_group": "rg"}
# A template's network, its topology and the subnet it names (azure.md 1.1, 1.5).
TOPOLOGIES: list[tuple[dict[str, Any], str, ResourceId | None]] = [
    ({}, "public-ip", None),
    ({"proxy_size": "Standard_A1_v2"}, "public-ip", None),
    ({"subnet": BUILD}, "existing-vnet", BUILD),
    ({"subnet": BUILD, "container_subnet": ACI}, "container-instance", BUILD),
    (OLD, "existing-vnet", BUILD),
    ({"name": "net"}, "existing-vnet", None),
    ({"name": "net", "subnet_name": "build"}, "existing-vnet", None),
]


@pytest.mark.parametrize(("fields", "topology", "named"), TOPOLOGIES)
def test_what_a_template_leads_to(fields: dict[str, Any], topology: str, named: ResourceId | None) -> None:
    """A template's network decides the topology; its old form names the subnet by parts."""
    found = template(**fields)

    assert (topology_of(found), subnet_of(found)) == (topology, named)


def test_the_template_of_a_build() -> None:
    """The template is the one that is named, by name or ID in any case, or the only one, or there is none."""
    one, two = template("one"), template("two", subnet=BUILD)
    both = EMPTY.laid(one, two)

    assert chosen_template(EMPTY, None) is None
    assert chosen_template(EMPTY.laid(one), None) == one
    assert chosen_template(both, "TWO") == two
    assert chosen_template(both, one.id.text.upper()) == one


def test_several_templates() -> None:
    """Several templates of one network are as good as one; of different ones, somebody must choose."""
    one, two, three = template("one", subnet=BUILD), template("two", subnet=BUILD), template("three")

    assert chosen_template(EMPTY.laid(one, two), None) == one
    with pytest.raises(
        InvalidInputError, match="found several image templates, expected the name of one: one, three"
    ):
        chosen_template(EMPTY.laid(one, three), None)
    with pytest.raises(InvalidInputError, match="settings: template: found four, expected one of one, three"):
        chosen_template(EMPTY.laid(one, three), "four")
    with pytest.raises(InvalidInputError, match=r"template: found four, expected one of \(none was loaded\)"):
        chosen_template(EMPTY, "four")


# A world, what the template names, the setting, and the subnet that builds run in.
LINKED = deployed.service(IPv4Address("10.0.0.9"), BUILD)
BALANCED = deployed.balancer(IPv4Address("10.0.0.9"), BUILD, ())
SUBNETS: list[tuple[World, ImageTemplate | None, str | None, ResourceId]] = [
    (net(subnet("build")), None, None, BUILD),
    (net(subnet("build"), subnet("x")), None, "BUILD", BUILD),
    (net(subnet("build"), subnet("x")), None, BUILD.text.upper(), BUILD),
    (net(subnet("build"), subnet("x")), template(subnet=BUILD), None, BUILD),
    (net(subnet("build"), subnet("x")), template(subnet=BUILD), "x", VNET.child("subnets", "x")),
    (net(subnet("build"), subnet("x")), template(**OLD), None, BUILD),
    (net(subnet("build"), subnet("x")).laid(LINKED), None, None, BUILD),
    (net(subnet("build"), subnet("x")).laid(BALANCED), template(), None, BUILD),
    (net(subnet("build"), subnet("GatewaySubnet"), subnet("aci", delegations=CONTAINERS)), None, None, BUILD),
    (net(subnet("build", private_link_service_policies="Disabled"), subnet("x")), None, None, BUILD),
]


@pytest.mark.parametrize(("found", "named", "wanted", "expected"), SUBNETS)
def test_where_a_build_runs(
    found: World, named: ImageTemplate | None, wanted: str | None, expected: ResourceId
) -> None:
    """A setting comes first, then the template, private link, and last the only subnet that machines can be in."""
    found = found if named is None else replace(found, templates=(named,))

    assert build_subnet(found, named, wanted).id == expected


UNCLEAR: list[tuple[World, ImageTemplate | None, str | None, str]] = [
    (
        net(subnet("a"), subnet("b")),
        None,
        None,
        "found nothing that says which subnet builds run in, expected one of net/a",
    ),
    (net(subnet("aci", delegations=CONTAINERS)), None, None, "found nothing that says which subnet"),
    (net(), None, None, r"expected one of \(none was loaded\), or an image template that names it"),
    (net(subnet("a")), None, "b", "settings: subnet: found b, expected the name or ID of one of net/a"),
    (
        net(subnet("a")),
        template(subnet=BUILD),
        None,
        "properties.vmProfile.vnetConfig.subnetId: found .*/subnets/build, expected a subnet that was loaded: net/a",
    ),
    (net(*(subnet(f"s{n}") for n in range(25))), None, None, "net/s19 and 5 more, or an image template"),
]


@pytest.mark.parametrize(("found", "named", "wanted", "said"), UNCLEAR)
def test_where_nobody_knows(found: World, named: ImageTemplate | None, wanted: str | None, said: str) -> None:
    """A subnet that was not loaded, or that nothing tells from others, is asked for with those that there are."""
    with pytest.raises(InvalidInputError, match=said):
        build_subnet(found, named, wanted)


def test_two_networks_with_a_subnet_of_one_name() -> None:
    """A name that two subnets have does not say which."""
    other = resource_id(NETWORK + "virtualNetworks", "other").child("subnets", "build")
    second = VirtualNetwork(other.parent, (IPv4Network("10.1.0.0/16"),), (replace(subnet("build"), id=other),))

    with pytest.raises(
        InvalidInputError, match="found build, expected the name or ID of one of net/build, other/build"
    ):
        build_subnet(net(subnet("build")).laid(second), None, "build")


def test_the_subnet_of_the_containers() -> None:
    """The container instance is in the subnet that the template names, or in the one delegated to it."""
    build, aci, other = subnet("build"), subnet("aci", delegations=CONTAINERS), subnet("other")
    found = net(build, other, aci)
    named = template(subnet=BUILD, container_subnet=other.id)

    assert container_subnet(found, named, build) == other
    assert container_subnet(found, template(subnet=BUILD), build) == aci
    assert container_subnet(found, None, build) == aci


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (None, "virtualNetworks/net: properties.subnets: found no such subnet, expected a subnet of net delegated"),
        (
            template(subnet=BUILD, container_subnet=ACI),
            "t: .*containerInstanceSubnetId: found .*/aci, expected a subnet",
        ),
    ],
)
def test_no_subnet_for_containers(named: ImageTemplate | None, said: str) -> None:
    """Without a subnet for the containers, the field that should name one is told."""
    build = subnet("build")

    with pytest.raises(InvalidInputError, match=said):
        container_subnet(net(build), named, build)
