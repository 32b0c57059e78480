"""References out of what was loaded are told, each once; only a path that needs one fails."""

from dataclasses import replace

import pytest

from emulator.errors import NotLoadedError
from emulator.model import deployed
from emulator.model.access import RoleAssignment
from emulator.model.balancer import NatRule, OutboundRule
from emulator.model.compute import VirtualMachine
from emulator.model.default_world import BUILD_SUBNET, LINUX_IP, SERVICE_VNET
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import SecurityRule
from emulator.model.world import TOPOLOGIES, Topology, World
from emulator.rules.path import decide
from emulator.rules.references import dangling
from tests.azure_values import NETWORK
from tests.rules.test_path import path_of
from tests.worlds import healthy, nic_of, rule, with_routes, with_subnet, world

GONE = resource_id(NETWORK + "networkSecurityGroups", "gone")
ASG = resource_id(NETWORK + "applicationSecurityGroups", "gone")
ROLE = ResourceId("/providers/Microsoft.Authorization/roleDefinitions/owner")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_default_worlds_are_whole(topology: Topology) -> None:
    """Nothing in the default worlds refers to anything outside them."""
    assert dangling(world(topology=topology, proxies=2 if topology == "existing-vnet" else 1)) == ()


def with_rule(found: World, one: SecurityRule) -> World:
    """The build subnet's group with one more rule."""
    return found.laid(replace(found.groups[0], rules=(*found.groups[0].rules, one)))


# A change that refers to something that is not there, and the sentence about it.
REFERENCES: list[tuple[World, str]] = [
    (with_subnet(world(), BUILD_SUBNET, group=GONE), f"aib-vnet: subnets: {GONE} was not loaded"),
    (
        world().laid(replace(nic_of(world(), "proxy"), group=GONE)),
        f"proxy-nic: networkSecurityGroup: {GONE} was not loaded",
    ),
    (
        with_rule(world(), replace(rule("150 deny in * -> *"), source_prefixes=(), source_groups=(ASG,))),
        f"build-nsg: securityRules: {ASG} was not loaded",
    ),
    (
        world().laid(VirtualMachine(resource_id(deployed.MACHINES, "m"), (GONE,))),
        f"m: networkProfile.networkInterfaces: {GONE} was not loaded",
    ),
    (replace(world(topology="public-ip"), public_ips=()), f": ipConfigurations: {LINUX_IP} was not loaded"),
]


@pytest.mark.parametrize(("found", "said"), REFERENCES)
def test_a_reference_to_nothing(found: World, said: str) -> None:
    """A reference to what was not loaded is told with the resource and the field that has it."""
    assert said in dangling(found)[0]


def test_each_is_told_once() -> None:
    """Two parts of a resource that refer to one thing in one field are one sentence."""
    found = world(
        *(replace(rule(f"{n} deny in * -> *"), source_prefixes=(), source_groups=(ASG,)) for n in (150, 151))
    )

    assert len(dangling(found)) == 1


def test_parts_are_known() -> None:
    """Parts of resources may be referred to: configurations, subnets, everything that a balancer has."""
    found = world()
    assert found.balancer
    balancer = deployed.BALANCER
    parts = replace(
        found.balancer,
        nat_rules=(NatRule(balancer.child("inboundNatRules", "n"), frontend=deployed.FRONTEND, protocol="Tcp"),),
        outbound_rules=(OutboundRule(balancer.child("outboundRules", "o"), (deployed.FRONTEND,), deployed.POOL),),
    )

    assert dangling(found.laid(parts)) == ()


def test_roles_and_scopes_are_nobodys_export() -> None:
    """Assignments name built-in roles and whole groups, which no export has."""
    assignment = RoleAssignment(GONE, "p", ROLE, ResourceId("/subscriptions/s/resourceGroups/g"))

    assert dangling(world().laid(assignment)) == ()


def test_only_a_path_that_needs_it_fails() -> None:
    """What nobody needs on the way is missed in a sentence alone; what somebody needs is an error that names it."""
    build = with_subnet(world(), BUILD_SUBNET, nat_gateway=GONE)
    table = with_routes(world(), "0.0.0.0/0 -> None")
    lost = replace(table, route_tables=())

    assert len(dangling(build)) == 1
    assert path_of(build).carried
    assert path_of(table).carried
    with pytest.raises(NotLoadedError, match="route table"):
        path_of(lost)
    assert len(dangling(lost)) == 1


def test_a_network_that_was_not_loaded() -> None:
    """A balancer's path needs the endpoint's network; without it nothing else is blamed."""
    found = replace(world(), networks=world().networks[:1])

    assert SERVICE_VNET.name not in [each.id.name for each in found.networks]
    assert any("aib-pe: subnet: " in each for each in dangling(found))
    with pytest.raises(NotLoadedError, match=r"subnet .* was not loaded"):
        decide(path_of(world()).legs[0].flow, found, healthy(found), "linux")
