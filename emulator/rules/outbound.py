"""Whether and how a machine reaches the Internet (azure.md 5.2).

The order in which Azure takes the methods is documented: a route to an appliance or gateway, then NAT gateway, the
machine's own public IP, outbound rules of a load balancer or else the public frontend of its balancing rules, and
last default outbound access
(https://learn.microsoft.com/azure/nat-gateway/nat-overview,
https://learn.microsoft.com/azure/virtual-network/ip-services/default-outbound-access).
"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

from emulator.model.balancer import LoadBalancer
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, Subnet
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import pool
from emulator.rules.forwarding import appliance_on, at_appliance, forwarded, loop
from emulator.rules.routes import EffectiveRoute, next_hop

SOMEWHERE = IPv4Address("203.0.113.1")
"""A public address that stands for any."""


def outbound_access(world: World, interface: Interface, destination: IPv4Address = SOMEWHERE) -> Verdict:
    """Whether an interface has a way to a public address, and which; security groups are another question.

    Raises:
        NotLoadedError: the subnet or its route table was not loaded.
    """
    met: list[Verdict] = []
    for verdict in outbound_checks(world, interface, destination):
        met.append(verdict)
        if not verdict.carried:
            return verdict
    return replace(met[0], sentence="; ".join(each.sentence for each in met))


def outbound_checks(
    world: World, interface: Interface, destination: IPv4Address, flow: Flow | None = None
) -> Iterator[Verdict]:
    """What leads an interface's packets to a public address: its route, appliances on it, the method at its end.

    An appliance must forward them, and needs a way of its own; its groups are asked of a flow.

    Raises:
        NotLoadedError: a subnet, its route table, or a group of an appliance was not loaded.
    """
    what, passed = f"the way of {interface.id.name} to the Internet", [interface]
    while True:
        subnet = world.subnet(interface.subnet)
        route = next_hop(world, subnet.id, destination)
        if route.hop != "VirtualAppliance":
            yield _method(world, interface, subnet, route)
            return
        appliance = appliance_on(world, subnet.id, route)
        yield forwarded(world, subnet.id, route, appliance, what)
        if appliance is None:
            return
        if appliance in passed:
            yield loop(subnet.id, route, what)
            return
        yield from at_appliance(world, appliance, flow)
        passed.append(appliance)
        interface = appliance


def unknown_appliance(world: World, interface: Interface, destination: IPv4Address = SOMEWHERE) -> bool:
    """Whether an interface's route to a public address leads to an appliance that was not loaded.

    Raises:
        NotLoadedError: the subnet or its route table was not loaded.
    """
    route = next_hop(world, interface.subnet, destination)
    return route.hop == "VirtualAppliance" and appliance_on(world, interface.subnet, route) is None


def _method(world: World, interface: Interface, subnet: Subnet, route: EffectiveRoute) -> Verdict:
    """The first method in Azure's order that the interface has."""
    if route.hop != "Internet":
        return _by_route(interface, str(route), (route.table or subnet.id), route.hop, route.name)
    if subnet.nat_gateway:
        return _has(interface, subnet.nat_gateway, "NatGateway", f"NAT gateway {subnet.nat_gateway.name}")
    if interface.primary and interface.primary.public_ip:
        public = interface.primary.public_ip
        return _has(interface, public, "PublicIp", f"its public IP {public.name}")
    balancers = pool.balancers_of(world, interface)
    by_balancer = _by_balancer(interface, balancers)
    if by_balancer is not None:
        return by_balancer
    if subnet.default_outbound is False:
        why = f"subnet {subnet.id.name} is private (defaultOutboundAccess is false)"
        return _none(interface, subnet.id, "PrivateSubnet", why)
    return _default(interface, balancers, subnet.id)


def _by_balancer(interface: Interface, balancers: tuple[LoadBalancer, ...]) -> Verdict | None:
    """An outbound rule, or else a balancing rule with a public frontend; None where there is neither."""
    for balancer in balancers:
        rule = pool.outbound_rule(balancer, interface)
        if rule is not None:
            return _has(interface, rule.id, "OutboundRule", f"outbound rule {rule.id.name} of {balancer.id.name}")
        implicit = pool.outbound_snat(balancer, interface)
        if implicit is not None:
            words = f"the public frontend of balancing rule {implicit.id.name} of {balancer.id.name}"
            return _has(interface, implicit.id, "OutboundSnat", f"{words} (disableOutboundSnat is false)")
    return None


def _by_route(interface: Interface, route: str, table: ResourceId, hop: str, name: str) -> Verdict:
    if hop == "VirtualNetworkGateway":
        sentence = f"{interface.id.name} reaches the Internet only as far as {route} leads"
        return Verdict(Outcome.CARRIED, Reason("route", table.text, name or hop), sentence)
    sentence = f"{interface.id.name} has no way to the Internet: {route}"
    return Verdict(Outcome.DROPPED, Reason("route", table.text, name or hop), sentence)


def _has(interface: Interface, by: ResourceId, name: str, words: str) -> Verdict:
    sentence = f"{interface.id.name} reaches the Internet by {words}"
    return Verdict(Outcome.CARRIED, Reason("state", by.text, name), sentence)


def _none(interface: Interface, by: ResourceId, name: str, why: str) -> Verdict:
    sentence = f"{interface.id.name} has no way to the Internet: {why}, and nothing else gives it one"
    return Verdict(Outcome.DROPPED, Reason("state", by.text, name), sentence)


def _default(interface: Interface, balancers: tuple[LoadBalancer, ...], subnet: ResourceId) -> Verdict:
    """Default outbound access, but not for members of a Standard balancer's pool of interfaces."""
    standard = next((each for each in balancers if each.sku.lower() == "standard"), None)
    if standard is not None:
        why = f"members of the pool of Standard load balancer {standard.id.name} lose default outbound access"
        return _none(interface, standard.id, "LoadBalancerMember", why)
    return _has(interface, subnet, "DefaultOutboundAccess", "Azure's default outbound access")
