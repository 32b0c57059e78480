"""The container's own subnet, and the client that comes without private link."""

from dataclasses import replace

import pytest

from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, CONTAINER_SUBNET, NETWORK, PUBLIC_GROUP, VNET
from emulator.model.ids import resource_id
from emulator.model.network import SecurityGroup
from emulator.model.world import World
from tests.mending import finding, mended, states
from tests.rules.checklist.test_routes import with_subnet
from tests.rules.checklist.test_scene import with_container_subnet
from tests.worlds import rule, world

GROUP = resource_id(NETWORK + "networkSecurityGroups", "aci-nsg")


def containers(*rules: str) -> World:
    """The topology with the container's own subnet, under rules in its group."""
    found = world(topology="container-instance").laid(SecurityGroup(GROUP, tuple(rule(text) for text in rules)))
    return with_subnet(found, CONTAINER_SUBNET, group=GROUP)


# Services that the container's subnet may be delegated to.
DELEGATIONS = [
    (("Microsoft.ContainerInstance/containerGroups",), "ok"),
    (("microsoft.containerinstance/CONTAINERGROUPS",), "ok"),
    (("Microsoft.Web/serverFarms",), "failed"),
    ((), "failed"),
]


@pytest.mark.parametrize(("services", "state"), DELEGATIONS)
def test_delegation(services: tuple[str, ...], state: str) -> None:
    """The subnet is delegated to container groups, or the command delegates it."""
    found = with_subnet(containers(), CONTAINER_SUBNET, delegations=services)
    said = finding(found, "container-delegation")

    assert (said.state, said.resource) == (state, CONTAINER_SUBNET)
    if state == "failed":
        assert said.mend.endswith("-n containers --delegations Microsoft.ContainerInstance/containerGroups")
    assert states(mended(found, said), "container-delegation") == ["ok"]


def test_apart() -> None:
    """Container and build VM are in two subnets; where they are in one, another is made."""
    found = with_container_subnet(containers(), BUILD_SUBNET)
    failed = finding(found, "container-subnet-apart")

    assert states(containers(), "container-subnet-apart") == ["ok"]
    assert (failed.state, failed.resource) == ("failed", BUILD_SUBNET)
    assert "-n build-aci --address-prefixes 10.60.2.0/27 --delegations Microsoft.ContainerInstance" in failed.mend


def test_same_network() -> None:
    """Container and build VM are in one virtual network; where they are not, a subnet is made in the build's."""
    found = containers()
    network = replace(found.network_of(BUILD_SUBNET), id=VNET.parent.child("virtualNetworks", "other"))
    other = network.id.child("subnets", "aci")
    found = found.laid(replace(network, subnets=(replace(network.subnets[1], id=other),)))
    failed = finding(with_container_subnet(found, other), "container-same-network")

    assert states(containers(), "container-same-network") == ["ok"]
    assert (failed.state, failed.resource) == ("failed", other)
    assert failed.found == "subnet aci is in other, the build's subnet in aib-vnet"
    assert "--vnet-name aib-vnet -n build-aci" in failed.mend


# Rules at the container's subnet and the state of its way out; at the build's subnet, and of the way in.
RULES = [
    ((), "ok"),
    (("4096 deny out * -> *",), "failed"),
    (("4096 deny out * -> *", "300 allow out * -> VirtualNetwork:22,5986"), "ok"),
    (("300 deny out * -> *:5986",), "failed"),
    (("300 deny out * -> *:443",), "ok"),
]


@pytest.mark.parametrize(("rules", "state"), RULES)
def test_to_the_build_vm(rules: tuple[str, ...], state: str) -> None:
    """22 and 5986 are open on the way out of the container's subnet, or the command opens them."""
    found = containers(*rules)
    said = finding(found, "container-to-build-outbound")

    assert said.state == state
    assert said.resource == (GROUP if state == "failed" else CONTAINER_SUBNET)
    assert states(mended(found, said), "container-to-build-outbound") == ["ok"]


@pytest.mark.parametrize(
    ("rules", "state"), [([each.replace(" out ", " in ") for each in one], s) for one, s in RULES]
)
def test_at_the_build_vm(rules: list[str], state: str) -> None:
    """22 and 5986 are open on the way into the build's subnet, or the command opens them."""
    found = world(*rules, topology="container-instance")
    said = finding(found, "container-to-build-inbound")

    assert said.state == state
    assert (said.resource == BUILD_GROUP) is (state == "failed")
    assert states(mended(found, said), "container-to-build-inbound") == ["ok"]


def test_a_public_client() -> None:
    """The build VM lets the client on the Internet in; without a rule for it, the command makes one."""
    found = world(topology="public-ip")
    closed = found.laid(SecurityGroup(PUBLIC_GROUP))
    failed = finding(closed, "client-to-build-inbound")

    assert states(found, "client-to-build-inbound") == ["ok"]
    assert (failed.state, failed.resource) == ("failed", PUBLIC_GROUP)
    assert "--source-address-prefixes 198.51.100.4" in failed.mend
    assert states(mended(closed, failed), "client-to-build-inbound") == ["ok"]
