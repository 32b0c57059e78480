"""Several builds in one subnet: each has its own proxy, balancer and build VM, and none takes another's."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from emulator.model import deployed
from emulator.model.balancer import LoadBalancer
from emulator.model.compute import OperatingSystem
from emulator.model.ids import ResourceId, resource_id
from emulator.model.image import ImageTemplate, NetworkConfig
from emulator.model.network import Subnet, VirtualNetwork
from emulator.model.privatelink import PrivateLinkService
from emulator.model.resources import Resource
from emulator.model.world import World
from emulator.rules.deployment import assembled
from tests.azure_values import NETWORK

VNET = resource_id(NETWORK + "virtualNetworks", "net", group="rg")
BUILD = VNET.child("subnets", "build")
NET = VirtualNetwork(
    VNET, (IPv4Network("10.20.0.0/16"),), (Subnet(BUILD, (IPv4Network("10.20.1.0/24"),), None, "Disabled"),)
)
ONE, TWO = "IT_rg_one_0f0f", "IT_rg_two_0f0f"


def moved(identity: ResourceId, group: str) -> ResourceId:
    """The same resource in another group."""
    return ResourceId(identity.text.replace(f"/{identity.resource_group}/", f"/{group}/"))


def vm(name: str, group: str, last: int, *pools: ResourceId, system: OperatingSystem = "Linux") -> list[Resource]:
    """A machine in the build subnet."""
    nic = deployed.interface(name, IPv4Address(f"10.20.1.{last}"), BUILD, pools=pools)
    machine, _ = deployed.machine("proxy", name)
    own, at = moved(machine.id, group), moved(nic.id, group)
    return [replace(machine, id=own, interfaces=(at,), system=system), replace(nic, id=at, machine=own)]


def link(group: str, first: int) -> list[Resource]:
    """A build's balancer with its proxy, and its private link service, at three addresses."""
    lb = moved(deployed.BALANCER, group)
    bare = deployed.balancer(IPv4Address(f"10.20.1.{first + 1}"), BUILD, ())
    front, pool = lb.child("frontendIPConfigurations", "frontend"), lb.child("backendAddressPools", "proxies")
    balancer = LoadBalancer(
        lb,
        (replace(bare.frontends[0], id=front),),
        (replace(bare.pools[0], id=pool),),
        tuple(replace(each, id=lb.child("probes", each.id.name)) for each in bare.probes),
        tuple(
            replace(each, frontend=front, pools=(pool,), probe=lb.child("probes", f"probe-{each.frontend_port}"))
            for each in bare.rules
        ),
    )
    service = deployed.service(IPv4Address(f"10.20.1.{first}"), BUILD, front)
    own = PrivateLinkService(moved(service.id, group), service.nat, (front,))
    return [balancer, own, *vm("proxy", group, first + 2, pool)]


def builds(found: World) -> list[ResourceId]:
    """The machines that play build VMs."""
    return [each.id for each in found.members if each.role != "proxy"]


def template(group: str) -> ImageTemplate:
    """An image template that builds in a staging group."""
    identity = resource_id("Microsoft.VirtualMachineImages/imageTemplates", "t")
    return ImageTemplate(
        identity, NetworkConfig(subnet=BUILD), staging_group=ResourceId(f"/subscriptions/s/resourceGroups/{group}")
    )


def test_another_builds_proxy_is_no_build_vm() -> None:
    """The proxy of another build, behind a balancer of its own, is nobody's build VM, whatever comes first."""
    found = assembled([NET, *link(ONE, 20), *link(TWO, 30), *vm("pkrvm", ONE, 40)])

    assert builds(found) == [moved(resource_id(deployed.MACHINES, "pkrvm"), ONE)]
    assert [each.id.resource_group for each in found.proxies] == [ONE]


def test_a_proxy_whose_balancer_was_not_loaded() -> None:
    """A machine that names a pool is behind a balancer, though that was not loaded."""
    pool = moved(deployed.BALANCER, TWO).child("backendAddressPools", "proxies")
    found = assembled([NET, *vm("proxy", TWO, 30, pool), *vm("pkrvm", TWO, 40)])

    assert builds(found) == [moved(resource_id(deployed.MACHINES, "pkrvm"), TWO)]


def test_build_vms_of_the_balancers_group() -> None:
    """The build VM is of the balancer's group; one of another build is taken neither beside it nor instead of it."""
    other = vm("windows", TWO, 41, system="Windows")
    both = assembled([NET, *other, *link(ONE, 20), *vm("pkrvm", ONE, 40)])
    alone = assembled([NET, *other, *link(ONE, 20)])

    assert [each.resource_group for each in builds(both)] == [ONE]
    assert [each.resource_group for each in builds(alone)] == [deployed.BALANCER.resource_group] * 2


@pytest.mark.parametrize("group", [ONE, TWO])
def test_the_templates_group(group: str) -> None:
    """Of several builds the template's is played, and nothing is left to warn of."""
    given = [NET, *link(ONE, 20), *vm("a", ONE, 40), *link(TWO, 30), *vm("b", TWO, 41)]
    found = assembled([*given, template(group.upper())])

    assert {each.id.resource_group for each in found.members} == {group}
    assert found.service
    assert found.service.id.resource_group == group
    assert found.warnings == ()


def test_another_builds_service() -> None:
    """A template whose group has no service yet gets one of its own: another build's is not taken."""
    found = assembled([NET, *link(ONE, 20), *vm("a", ONE, 40), template(TWO)])

    assert {each.id.resource_group for each in found.members} == {deployed.BALANCER.resource_group}


def test_several_builds_are_told() -> None:
    """Where nothing says which build is meant, the first is taken, and warnings name all of them."""
    found = assembled([NET, *link(ONE, 20), *vm("a", ONE, 40), *link(TWO, 30), *vm("b", TWO, 41)])
    services, groups = found.warnings

    assert "found several private link services" in services
    assert f"/{ONE}/" in services
    assert f"/{TWO}/" in services
    assert f"found builds of several staging groups, {ONE}, {TWO}: taken is {ONE}" in groups
    assert assembled([NET, *link(ONE, 20), *vm("a", ONE, 40)]).warnings == ()


def test_a_link_of_ones_own_beside_a_staging_group() -> None:
    """A service and a balancer of the user's own go with the machines of one staging group, without a warning."""
    found = assembled([NET, *link("rg", 20), *vm("a", ONE, 40)])

    assert [each.resource_group for each in builds(found)] == [ONE]
    assert found.warnings == ()
