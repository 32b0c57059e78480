"""The way of a packet along routes, through the virtual appliances that they lead to.

An appliance is a machine like any other: its groups see the packet come in and go out, its interface must have IP
forwarding on, and from its subnet the routes are asked anew
(https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview).
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import security
from emulator.rules.routes import PLATFORM_SERVICES, WITHIN, EffectiveRoute, next_hop

Way = Generator[Verdict, None, ResourceId | None]
"""Verdicts, and in the end the subnet from which the packet goes straight to its destination's network; None where a
switch lets an appliance forward it that was not loaded."""


@dataclass(frozen=True, slots=True)
class Packet:
    """What is on its way.

    Attributes:
        words: what it is called in sentences.
        source: where it began; None where that does not matter.
        flow: as security groups see it; None for an answer, which they let pass.
    """

    destination: IPv4Address
    words: str
    source: IPv4Address | None = None
    flow: Flow | None = None


def way(world: World, subnet: ResourceId, packet: Packet) -> Way:
    """What a packet meets from a subnet on: routes, and appliances between them.

    Raises:
        NotLoadedError: a subnet, its route table, or a group of an appliance was not loaded.
    """
    if packet.destination in PLATFORM_SERVICES:
        reason = Reason("state", subnet.text, "PlatformService")
        yield Verdict(Outcome.CARRIED, reason, f"{packet.words} goes to the host, whatever the routes")
        return subnet
    here: ResourceId | None = subnet
    passed: list[Interface] = []
    while here is not None:
        route = next_hop(world, here, packet.destination)
        if route.hop != "VirtualAppliance":
            yield _followed(world, here, route, packet, passed)
            return here
        appliance = appliance_on(world, here, route)
        yield forwarded(world, here, route, appliance, packet.words)
        if appliance in passed:
            yield loop(here, route, packet.words)
        if appliance is not None:
            yield from at_appliance(world, appliance, packet.flow)
            passed.append(appliance)
        here = appliance.subnet if appliance else None
    return None


def routed(
    world: World, subnet: ResourceId, destination: IPv4Address, what: str, source: IPv4Address | None = None
) -> Verdict:
    """Whether routes lead a packet from a subnet within Azure's network; `what` names the packet.

    Groups at appliances are not asked: this is for answers, and for questions about routes alone.

    Raises:
        NotLoadedError: the subnet or its route table was not loaded.
    """
    first: Verdict | None = None
    for verdict in way(world, subnet, Packet(destination, what, source)):
        if not verdict.carried:
            return verdict
        first = first or verdict
    if first is None:
        raise AssertionError("a way has at least one verdict")
    return first


def appliance_on(world: World, subnet: ResourceId, route: EffectiveRoute) -> Interface | None:
    """The interface that a subnet's route leads to, in its network or in one of the peers; None: not loaded."""
    network = world.network_of(subnet)
    for home in (network, *world.peers(network)):
        found = world.interface_at(route.address, home) if route.address else None
        if found is not None:
            return found
    return None


def forwarded(
    world: World, subnet: ResourceId, route: EffectiveRoute, appliance: Interface | None, what: str
) -> Verdict:
    """An appliance that was loaded forwards if its interface may; of another a switch decides."""
    reason = _reason(subnet, route)
    lost, follows = f"{what} is lost: {route}", f"{what} follows {route}"
    if appliance is None and world.switches.unknown_appliance == "forward":
        return Verdict(Outcome.CARRIED, reason, f"{follows}, which forwards it (unknown_appliance)")
    if appliance is None:
        return Verdict(Outcome.DROPPED, reason, f"{lost} sends it to an appliance that is not among what was loaded")
    name = appliance.id.name
    if not appliance.forwarding:
        return Verdict(Outcome.DROPPED, reason, f"{lost} sends it to {name}, which has IP forwarding off")
    return Verdict(Outcome.CARRIED, reason, f"{follows}, and {name} forwards it")


def at_appliance(world: World, appliance: Interface, flow: Flow | None) -> Iterator[Verdict]:
    """The groups at an appliance, inward and outward; an answer (no flow) belongs to one that they let pass.

    Raises:
        NotLoadedError: a group, or what a rule names, was not loaded, and the verdict hangs on it.
    """
    if flow is not None:
        yield security.at_interface(world, appliance, "Inbound", flow)
        yield security.at_interface(world, appliance, "Outbound", flow)


def loop(subnet: ResourceId, route: EffectiveRoute, what: str) -> Verdict:
    """An appliance in a subnet whose own routes lead back to it (virtual-networks-udr-overview warns of it)."""
    sentence = f"{what} goes in a loop: behind an appliance {route} leads back to it"
    return Verdict(Outcome.DROPPED, _reason(subnet, route), sentence)


def _followed(
    world: World, subnet: ResourceId, route: EffectiveRoute, packet: Packet, passed: list[Interface]
) -> Verdict:
    """Where a route leads that no appliance stands at."""
    reason = _reason(subnet, route)
    if route.hop not in WITHIN:
        return Verdict(Outcome.DROPPED, reason, f"{packet.words} is lost: {_lost(route, packet.destination)}")
    if passed and route.hop == "VNetPeering" and not _takes_forwarded(world, subnet, packet):
        sentence = (
            f"{packet.words} is lost: the network of {packet.destination} takes no forwarded traffic from "
            f"{world.network_of(subnet).id.name} (allowForwardedTraffic of its peering is false)"
        )
        return Verdict(Outcome.DROPPED, reason, sentence)
    return Verdict(Outcome.CARRIED, reason, f"{packet.words} follows {route}")


def _takes_forwarded(world: World, subnet: ResourceId, packet: Packet) -> bool:
    """Whether the peer that a packet is for lets it in though it did not begin in the network of a subnet.

    https://learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview#service-chaining
    """
    network = world.network_of(subnet)
    if packet.source is None or packet.source in network:
        return True
    back = (
        peering
        for peer in world.peers(network)
        if packet.destination in peer
        for peering in peer.peerings
        if peering.remote == network.id
    )
    return next((peering.forwarded for peering in back), True)


def _reason(subnet: ResourceId, route: EffectiveRoute) -> Reason:
    return Reason("route", (route.table or subnet).text, route.name or route.hop)


def _lost(route: EffectiveRoute, destination: IPv4Address) -> str:
    if route.hop == "None":
        return f"{route} drops it"
    if route.hop == "VirtualNetworkGateway":
        return f"{route} sends it to a gateway, and nothing behind one was loaded"
    return f"{route} sends it to the Internet, where {destination} is not"
