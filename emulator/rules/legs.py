"""One leg of a path: what stands between two ends in Azure's network, in the order in which a packet meets it.

Outbound groups of the source, its subnet's routes, inbound groups of the destination, and the routes by which the
answer comes back: a connection needs both ways, security groups are asked about its first packet alone (azure.md
2.4, 2.5, 5.3).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, Subnet, VirtualNetwork
from emulator.model.ports import ANY_PORT
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import security
from emulator.rules.forwarding import Packet, Way, routed, way
from emulator.rules.matching import Classifier
from emulator.rules.routes import next_hop
from emulator.rules.tags import tags_at


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a path: from whom to whom, in which segment, and the verdict there.

    Attributes:
        segment: 1 up to the proxy VM, 2 beyond it; each is a TCP connection of its own.
        verdict: what decided: the first that stopped the flow, or the last that let it pass.
        resource: the Azure resource at the leg's far end.
        checks: every verdict that the flow met, in order.
    """

    name: str
    segment: int
    flow: Flow
    verdict: Verdict
    resource: ResourceId | None = None
    checks: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """The legs of a flow up to the one that stops it, or to its destination."""

    legs: tuple[Leg, ...]

    def end(self, segment: int | None = None) -> Leg:
        """The leg at which a segment (or the whole path) ends."""
        return [leg for leg in self.legs if segment in (None, leg.segment)][-1]

    @property
    def carried(self) -> bool:
        """Whether the flow arrives."""
        return self.legs[-1].verdict.carried


def settled(checks: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts up to the first that stops the flow; none after it is even asked."""
    found = []
    for verdict in checks:
        found.append(verdict)
        if not verdict.carried:
            break
    return tuple(found)


def deciding(checks: Sequence[Verdict]) -> Verdict:
    """The verdict that speaks for several: the one that stops the flow, or the last that is not about a route."""
    if not checks[-1].carried:
        return checks[-1]
    return next((each for each in reversed(checks) if each.reason.kind != "route"), checks[-1])


def leaving_checks(world: World, source: Interface | ResourceId, flow: Flow) -> Way:
    """What a packet meets on its way out: groups at an interface or a subnet, then routes and what stands on them.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    if isinstance(source, Interface):
        subnet = security.subnet_of(source, flow.source)
        yield security.at_interface(world, source, "Outbound", flow)
    else:
        subnet = source
        verdict = security.at_subnet(world, subnet, "Outbound", flow)
        if verdict is not None:
            yield verdict
    return (yield from way(world, subnet, Packet(flow.destination, str(flow), flow.source, flow)))


def leaving(world: World, source: Interface | ResourceId, flow: Flow) -> Verdict | None:
    """What stops a packet on its way out; None for nothing.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    last = settled(leaving_checks(world, source, flow))[-1]
    return None if last.carried else last


def answer(world: World, subnet: ResourceId, flow: Flow) -> Verdict:
    """What the routes of a subnet do with the answer to a flow's source.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    return routed(world, subnet, flow.source, f"the answer to {flow}", flow.destination)


def returning_to_internet(world: World, subnet: ResourceId, flow: Flow) -> Verdict | None:
    """What sends the answer to a public client another way than it came; None for nothing (azure.md 5.3)."""
    route = next_hop(world, subnet, flow.source)
    if route.hop == "Internet":
        return None
    sentence = f"the answer to {flow} does not go back the way it came: {route}"
    return Verdict(Outcome.DROPPED, Reason("route", (route.table or subnet).text, route.name or route.hop), sentence)


def private_checks(world: World, source: Interface, target: Interface, flow: Flow) -> Iterator[Verdict]:
    """What a flow between two interfaces meets: out, in, and back.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    yield from leaving_checks(world, source, flow)
    yield security.at_interface(world, target, "Inbound", flow)
    yield answer(world, security.subnet_of(target, flow.destination), flow)


def arrival_checks(world: World, interface: Interface, flow: Flow, *, public: bool) -> Iterator[Verdict]:
    """The groups at the destination of a flow, and the way back; that of a `public` source is the Internet's.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    yield security.at_interface(world, interface, "Inbound", flow)
    back = returning_to_internet if public else answer
    lost = back(world, security.subnet_of(interface, flow.destination), flow)
    if lost is not None:
        yield lost


def private(world: World, source: Interface, target: Interface, flow: Flow) -> Verdict:
    """The whole verdict on a flow between two interfaces.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    return deciding(settled(private_checks(world, source, target, flow)))


def home_of(world: World, address: IPv4Address, network: VirtualNetwork) -> Subnet | None:
    """The subnet that holds an address, in a network or in one of its peers."""
    for each in (network, *world.peers(network)):
        for subnet in each.subnets:
            if address in subnet:
                return subnet
    return None


def origin_of(world: World, address: IPv4Address, network: VirtualNetwork) -> Interface | ResourceId | None:
    """What stands at an address, in a network or in one of its peers: a machine's interface, or a place in a subnet.

    An interface's own group judges what it sends, before its subnet's does
    (https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works).
    """
    for each in (network, *world.peers(network)):
        found = world.interface_at(address, each)
        if found is not None:
            return found
        for subnet in each.subnets:
            if address in subnet:
                return subnet.id
    return None


def at_private_endpoint(world: World, subnet: Subnet, flow: Flow) -> Verdict | None:
    """The group of a private endpoint's subnet, where its policy has groups apply to endpoints (azure.md 4.2).

    Source ports are not told apart there.

    Raises:
        NotLoadedError: the group was not loaded.
    """
    group = world.group(subnet.group)
    if group is None or subnet.private_endpoint_policies not in ("Enabled", "NetworkSecurityGroupEnabled"):
        return None
    rules = tuple(replace(rule, source_ports=ANY_PORT) for rule in security.ordered(group, "Inbound"))
    any_port = replace(group, rules=tuple(rule for rule in rules if rule.priority <= 4096))
    ready = world.remembered(
        ("endpoint", subnet.id),
        lambda: Classifier(security.ordered(any_port, "Inbound"), tags_at(world, subnet.id)),
    )
    verdict = security.verdict_of(group, ready, "Inbound", flow)
    return None if verdict.carried else verdict
