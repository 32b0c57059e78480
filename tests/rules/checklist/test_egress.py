"""The ways to the Internet, and whether rules let them be taken."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, CONTAINER_SUBNET, NETWORK
from emulator.model.ids import resource_id
from emulator.model.network import NextHop, Route, RouteTable
from emulator.model.switches import Switches
from emulator.model.world import World
from tests.mending import finding, findings_of, mended, states
from tests.rules.checklist.test_containers import GROUP, containers
from tests.rules.checklist.test_routes import TABLE, with_subnet
from tests.worlds import nic_of, world

GATEWAY = resource_id(NETWORK + "natGateways", "ng")


def with_gateway(found: World) -> World:
    """The build subnet with a NAT gateway."""
    return with_subnet(found, BUILD_SUBNET, nat_gateway=GATEWAY)


def tunnelled(found: World, hop: NextHop) -> World:
    """The build subnet with a route for everything."""
    table = RouteTable(TABLE, (Route("out", "0.0.0.0/0", hop, IPv4Address("10.60.9.4")),))
    return with_subnet(found.laid(table), BUILD_SUBNET, route_table=TABLE)


# The build VM's way out, the state, and a word of the finding: whether a build needs one depends on its scripts, so
# that nothing fails (release notes, March 2026).
WAYS = [
    (with_gateway(world()), "ok", "NAT gateway ng"),
    (world(), "warning", "Azure's default outbound access alone"),
    (with_subnet(world(), BUILD_SUBNET, default_outbound=False), "warning", "subnet build is private"),
    (tunnelled(world(), "VirtualNetworkGateway"), "ok", "only as far as"),
    (tunnelled(world(), "None"), "warning", "route out (0.0.0.0/0) to None"),
    (with_gateway(world("300 deny out * -> *:443")), "warning", "denied outbound by rule deny-300"),
    (with_gateway(world("300 deny out * -> Internet")), "warning", "denied outbound by rule deny-300"),
]


@pytest.mark.parametrize(("found", "state", "words"), WAYS)
def test_the_build_vms_way(found: World, state: str, words: str) -> None:
    """No way, and one that is going away, is a warning with the command that gives one."""
    said = findings_of(found, "build-egress")

    assert {each.state for each in said} == {state}
    assert all(words in each.found for each in said)
    once = mended(found, said[0])
    twice = mended(once, findings_of(once, "build-egress")[0])
    assert set(states(twice, "build-egress")) == {"ok"}


def test_a_way_by_an_appliance_that_was_not_loaded() -> None:
    """What a firewall that nobody exported does is not known; a switch can say that it forwards."""
    found = tunnelled(world(), "VirtualAppliance")
    (said,) = {each.state: each for each in findings_of(found, "build-egress")}.values()
    forwards = replace(found, switches=Switches(unknown_appliance="forward"))

    assert (said.state, said.mend) == ("unknown", "az network nic list -o json")
    assert "to an appliance that is not among what was loaded" in said.found
    assert {each.state for each in findings_of(forwards, "build-egress")} == {"ok"}


def test_a_rule_and_no_way() -> None:
    """Rules are told before the way: after the rule the way is looked at."""
    found = with_subnet(world("300 deny out * -> *:443"), BUILD_SUBNET, default_outbound=False)
    first = finding(found, "build-egress")
    after = mended(found, first)

    assert (first.resource, finding(after, "build-egress").resource) == (BUILD_GROUP, BUILD_SUBNET)
    assert set(states(mended(after, finding(after, "build-egress")), "build-egress")) == {"ok"}


def test_the_proxys_way() -> None:
    """As a member of the internal balancer's pool the proxy has no way out, and needs none; others are looked at."""
    found = world()
    nic = nic_of(found, "proxy")
    alone = found.laid(replace(nic, configurations=tuple(replace(each, pools=()) for each in nic.configurations)))
    balancer = found.balancer
    assert balancer
    alone = alone.laid(replace(balancer, pools=tuple(replace(each, configurations=()) for each in balancer.pools)))

    assert [(each.state, each.resource) for each in findings_of(found, "proxy-egress")] == [("ok", nic.id)]
    assert "commands need none" in finding(found, "proxy-egress").found
    assert states(with_gateway(found), "proxy-egress") == ["ok"]
    assert states(with_gateway(world("300 deny out * -> *:443")), "proxy-egress") == ["warning"]
    assert states(alone, "proxy-egress") == ["warning"]


# The container always needs 443 and 445 (image-builder-json, containerInstanceSubnetId).
CONTAINER = [
    ((), "ok"),
    (("300 deny out * -> *:443",), "failed"),
    (("300 deny out * -> *:445",), "failed"),
    (("4096 deny out * -> *", "300 allow out * -> Internet:443,445"), "ok"),
    (("300 deny out * -> *:80",), "ok"),
]


@pytest.mark.parametrize(("rules", "state"), CONTAINER)
def test_the_containers_way(rules: tuple[str, ...], state: str) -> None:
    """443 and 445 to the Internet are open at the container's subnet, or the command opens them."""
    found = with_subnet(containers(*rules), CONTAINER_SUBNET, nat_gateway=GATEWAY)
    said = finding(found, "container-egress")

    assert said.state == state
    assert (said.resource == GROUP) is (state == "failed")
    assert states(mended(found, said), "container-egress") == ["ok"]


def test_the_container_without_a_way() -> None:
    """A private subnet fails the container; default outbound access is a warning."""
    private = with_subnet(containers(), CONTAINER_SUBNET, default_outbound=False)
    failed = finding(private, "container-egress")

    assert states(containers(), "container-egress") == ["warning"]
    assert (failed.state, failed.resource) == ("failed", CONTAINER_SUBNET)
    assert "--vnet-name aib-vnet -n containers --nat-gateway ng-containers" in failed.mend
    assert states(mended(private, failed), "container-egress") == ["ok"]


# Rules by service tags, of which nobody loaded the addresses: the Internet at large is in none of them.
TAGS = [
    (("300 allow out * -> Storage.WestEurope:443",), "ok"),
    (("300 deny out * -> Storage.WestEurope:443",), "ok"),
    (("300 allow out * -> Storage.WestEurope:443", "4096 deny out * -> *"), "warning"),
]


@pytest.mark.parametrize(("rules", "state"), TAGS)
def test_service_tags(rules: tuple[str, ...], state: str) -> None:
    """A service that may be reached is not the Internet, and one that may not does not close it."""
    assert set(states(with_gateway(world(*rules)), "build-egress")) == {state}
