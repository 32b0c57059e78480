"""The way to the Internet: each method, and which comes first (azure.md 5.2)."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from emulator.model import deployed
from emulator.model.balancer import OutboundRule, PoolAddress
from emulator.model.default_world import BUILD_SUBNET, LINUX_IP
from emulator.model.ids import resource_id
from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.rules.outbound import outbound_access
from tests.azure_values import NETWORK
from tests.worlds import NVA, NVA_SUBNET, ROUTES, nic_of, with_appliance, with_routes, with_subnet, world

GATEWAY = resource_id(NETWORK + "natGateways", "ng")


def way(found: World, hop: str) -> str:
    """`DefaultOutboundAccess`, or `no PrivateSubnet`."""
    verdict = outbound_access(found, nic_of(found, hop))
    return verdict.reason.name if verdict.carried else f"no {verdict.reason.name}"


def with_nat_gateway(found: World) -> World:
    """A NAT gateway at the build subnet."""
    return with_subnet(found, BUILD_SUBNET, nat_gateway=GATEWAY)


def with_public_ip(found: World) -> World:
    """A public IP at every interface."""
    return found.laid(
        *(
            replace(nic, configurations=tuple(replace(each, public_ip=LINUX_IP) for each in nic.configurations))
            for nic in found.interfaces
        )
    )


def with_outbound_rule(found: World) -> World:
    """An outbound rule for the balancer's pool."""
    assert found.balancer
    rule = OutboundRule(deployed.BALANCER.child("outboundRules", "out"), pool=deployed.POOL)
    return found.laid(replace(found.balancer, outbound_rules=(rule,)))


def private(found: World) -> World:
    """The build subnet without default outbound access."""
    return with_subnet(found, BUILD_SUBNET, default_outbound=False)


def basic(found: World) -> World:
    """The balancer as a Basic one."""
    assert found.balancer
    return found.laid(replace(found.balancer, sku="Basic"))


def by_address(found: World) -> World:
    """The pool's member given by its address in place of its interface."""
    assert found.balancer
    nic = nic_of(found, "proxy")
    bare = replace(nic, configurations=tuple(replace(each, pools=()) for each in nic.configurations))
    member = PoolAddress("m", nic.address, found.network_of(BUILD_SUBNET).id)
    pools = tuple(replace(each, configurations=(), addresses=(member,)) for each in found.balancer.pools)
    return found.laid(bare, replace(found.balancer, pools=pools))


# What there is, from the strongest on, and the way that proxy and build VM then have.
ALL = with_outbound_rule(with_public_ip(with_nat_gateway(private(world()))))
METHODS = [
    (with_routes(ALL, f"0.0.0.0/0 -> {NVA}"), "no to-VirtualAppliance", "no to-VirtualAppliance"),
    (with_routes(ALL, "0.0.0.0/0 -> VirtualNetworkGateway"), "to-VirtualNetworkGateway", "to-VirtualNetworkGateway"),
    (with_routes(ALL, "0.0.0.0/0 -> None"), "no to-None", "no to-None"),
    (with_routes(ALL, "0.0.0.0/0 -> Internet"), "NatGateway", "NatGateway"),
    (ALL, "NatGateway", "NatGateway"),
    (with_outbound_rule(with_public_ip(private(world()))), "PublicIp", "PublicIp"),
    (with_outbound_rule(private(world())), "OutboundRule", "no PrivateSubnet"),
    (with_outbound_rule(world()), "OutboundRule", "DefaultOutboundAccess"),
    (private(world()), "no PrivateSubnet", "no PrivateSubnet"),
    (private(by_address(world())), "no PrivateSubnet", "no PrivateSubnet"),
    (world(), "no LoadBalancerMember", "DefaultOutboundAccess"),
    (by_address(world()), "DefaultOutboundAccess", "DefaultOutboundAccess"),
    (basic(world()), "DefaultOutboundAccess", "DefaultOutboundAccess"),
    (with_subnet(world(), BUILD_SUBNET, default_outbound=True), "no LoadBalancerMember", "DefaultOutboundAccess"),
]


@pytest.mark.parametrize(("found", "proxy", "build"), METHODS)
def test_methods(found: World, proxy: str, build: str) -> None:
    """Routes come first, then NAT gateway, public IP, outbound rule; default access is for those without a pool."""
    assert (way(found, "proxy"), way(found, "build-linux")) == (proxy, build)


def test_a_public_balancer() -> None:
    """Members of a public Standard balancer reach the Internet by its frontend, unless the rule says not to."""
    balancer = world().balancer
    assert balancer
    public = replace(balancer.frontends[0], public_ip=LINUX_IP, subnet=None)

    def proxy(**changes: Any) -> str:
        rules = tuple(replace(each, **changes) for each in balancer.rules)
        return way(private(world()).laid(replace(balancer, frontends=(public,), rules=rules)), "proxy")

    assert proxy() == "OutboundSnat"
    assert proxy(disable_outbound_snat=True) == "no PrivateSubnet"
    assert way(private(world()), "proxy") == "no PrivateSubnet"


def test_the_verdict_says_by_what() -> None:
    """The reason is the resource that gives or takes the way, and the sentence says how."""
    gateway = outbound_access(with_nat_gateway(world()), nic_of(world(), "proxy"))
    member = outbound_access(world(), nic_of(world(), "proxy"))
    routed = with_routes(world(), "0.0.0.0/0 -> None")
    lost = outbound_access(routed, nic_of(routed, "proxy"))

    assert (gateway.reason.id, str(gateway)) == (GATEWAY.text, "proxy-nic reaches the Internet by NAT gateway ng")
    assert member.reason.id == deployed.BALANCER.text
    assert "members of the pool of Standard load balancer aib-lb lose default outbound access" in str(member)
    assert (lost.reason.kind, lost.reason.id) == ("route", ROUTES.text)
    assert "has no way to the Internet: route to-None (0.0.0.0/0) to None" in str(lost)


def through_an_appliance(found: World, *, forwarding: bool = True) -> World:
    """The build subnet's way to the Internet by an appliance, in a subnet of its own."""
    return with_routes(with_appliance(found, forwarding=forwarding), f"0.0.0.0/0 -> {NVA}")


# A way by an appliance, and how it ends: it must forward, and have a way itself.
BY_APPLIANCE = [
    (through_an_appliance(world()), True, "and nva-nic forwards it; nva-nic reaches the Internet by Azure's default"),
    (through_an_appliance(world(), forwarding=False), False, "sends it to nva-nic, which has IP forwarding off"),
    (
        with_subnet(through_an_appliance(world()), NVA_SUBNET, default_outbound=False),
        False,
        "nva-nic has no way to the Internet: subnet nva is private",
    ),
    (
        with_routes(through_an_appliance(world()), f"0.0.0.0/0 -> {NVA}", subnet=NVA_SUBNET),
        False,
        "goes in a loop: behind an appliance",
    ),
    (with_routes(world(), f"0.0.0.0/0 -> {NVA}"), False, "to an appliance that is not among what was loaded"),
    (
        replace(with_routes(world(), f"0.0.0.0/0 -> {NVA}"), switches=Switches(unknown_appliance="forward")),
        True,
        "which forwards it (unknown_appliance)",
    ),
]


@pytest.mark.parametrize(("found", "carried", "why"), BY_APPLIANCE)
def test_a_way_by_an_appliance(found: World, why: str, *, carried: bool) -> None:
    """A default route to an appliance is a way where that forwards and has one; of an unknown one the switch says."""
    verdict = outbound_access(found, nic_of(found, "build-linux"))

    assert (verdict.carried, verdict.reason.kind == "route" or "private" in why) == (carried, True)
    assert why in str(verdict)


def test_a_route_for_some_destinations() -> None:
    """A route counts for the destinations that it is for."""
    found = with_routes(world(), "20.60.0.0/16 -> None")
    nic = nic_of(found, "build-linux")

    assert outbound_access(found, nic).carried
    assert not outbound_access(found, nic, IPv4Address("20.60.1.1")).carried


def test_private_destinations() -> None:
    """Private space that no network has is reached by nobody, whatever the methods."""
    verdict = outbound_access(ALL, nic_of(ALL, "proxy"), IPv4Address("192.168.1.1"))

    assert (verdict.carried, verdict.reason.name) == (False, "None")
