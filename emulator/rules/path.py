"""What a flow meets from the client to the build VM, leg by leg, and how it ends.

A path has one or two TCP segments. With private link the first ends at the proxy VM (private endpoint, private
link and balancer pass packets, they do not answer) and the second at the build VM; without it there is one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from emulator.errors import NotLoadedError
from emulator.model.balancer import BalancingRule
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.resources import Lack
from emulator.model.world import BUILD_PORTS, PROXY_PORTS, System, World, build_role
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import legs, link_header, nat_ports, security
from emulator.rules.condition import SYSTEM_AT, Condition, served
from emulator.rules.distribution import order
from emulator.rules.frontend import backend_port, eligible, frontend_verdict, no_backend, rule_of
from emulator.rules.legs import Leg, Path
from emulator.rules.private_link import to_endpoint


@dataclass(frozen=True, slots=True)
class ChannelPath(Path):
    """A path over the channel.

    Attributes:
        proxy: the one that the balancer chose.
        reached: the build VM at which it ends; None where it does not arrive.
    """

    proxy: Member | None = None
    reached: Member | None = None


def decide(flow: Flow, world: World, condition: Condition, system: System) -> ChannelPath:
    """The path of a client's flow to the build VM of `system`.

    With private link the proxy's port decides which build VM that is: 60001 leads to Linux, 60000 to Windows.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    lack = _lacking(world, system)
    if lack is not None:
        return ChannelPath((_not_deployed(flow, world, lack),))
    if world.topology != "existing-vnet":
        return _ended(world, tuple(direct_legs(flow, world, condition, system)), system)
    first, proxy = _first_segment(flow, world, condition)
    if proxy is None or not first[-1].verdict.carried:
        return ChannelPath(first, proxy)
    reached = SYSTEM_AT[first[-1].flow.destination_port]
    second = link_header.judged(world, second_leg(world, condition, reached, proxy, flow.source_port))
    return _ended(world, (*first, second), reached, proxy)


def _ended(world: World, found: tuple[Leg, ...], system: System, proxy: Member | None = None) -> ChannelPath:
    reached = world.member(build_role(system)) if found[-1].verdict.carried else None
    return ChannelPath(found, proxy, reached)


def _lacking(world: World, system: System) -> Lack | None:
    """What of the path to a build VM Azure would refuse to deploy."""
    if not world.parts.lacking:
        return None
    build = world.member(build_role(system))
    linked = (world.parts.service, world.parts.balancer, *(each.id for each in world.proxies))
    needed = {None, build and build.id, *linked}
    return next((each for each in world.parts.lacking if each.part in needed), None)


def _not_deployed(flow: Flow, world: World, lack: Lack) -> Leg:
    """The leg of a flow that meets nobody: the channel was never made."""
    reason = Reason("state", (lack.part or world.parts.subnet or ResourceId("/")).text, "NotDeployed")
    verdict = Verdict(Outcome.DROPPED, reason, f"{flow} meets nobody: {lack.sentence}")
    return Leg("client → channel", 1, flow, verdict, lack.part, (verdict,))


def client_flow(world: World, system: System, source_port: int, source: IPv4Address | None = None) -> Flow:
    """What a client of this topology dials, from its address or another."""
    target, port = entry_of(world, system)
    return Flow(source or world.client, source_port, target, port)


def entry_of(world: World, system: System) -> tuple[IPv4Address, int]:
    """The address and port that the client side of the topology dials.

    Raises:
        LookupError: the world has no build VM of that system, or no private endpoint.
    """
    return world.remembered(("entry", system), lambda: _entry_of(world, system))


def _entry_of(world: World, system: System) -> tuple[IPv4Address, int]:
    build = _build(world, system)
    if world.topology == "existing-vnet":
        return world.address_of(world.linked[0]), PROXY_PORTS[system]
    interface = world.interface_of(build)
    return world.public_address(interface) or interface.address, BUILD_PORTS[system]


def _build(world: World, system: System) -> Member:
    found = world.member(build_role(system))
    if found is None:
        raise NotLoadedError(f"the world has no {build_role(system)}")
    return found


def direct_legs(flow: Flow, world: World, condition: Condition, system: System) -> Iterator[Leg]:
    """The one leg of a topology without private link: the client's groups, the build VM's, then its service."""
    build = _build(world, system)
    interface = world.interface_of(build)
    # A group sees addresses after the public one was translated (network-security-groups-overview).
    inside = replace(flow, destination=interface.address)
    checks = legs.settled(_direct_checks(world, inside, interface))
    verdict = served(build, condition, legs.deciding(checks), inside)
    yield Leg(f"client → {build.hop}", 1, inside, verdict, build.id, checks)


def _direct_checks(world: World, flow: Flow, interface: Interface) -> Iterator[Verdict]:
    source = legs.origin_of(world, flow.source, world.network_of(interface.subnet))
    if source is not None:
        yield from legs.leaving_checks(world, source, flow)
    yield security.at_interface(world, interface, "Inbound", flow)
    back = legs.answer if source else legs.returning_to_internet
    lost = back(world, interface.subnet, flow)
    if lost is not None:
        yield lost


def second_leg(world: World, condition: Condition, system: System, proxy: Member, source_port: int) -> Leg:
    """The proxy's own connection to the build VM.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    build = _build(world, system)
    source, target = world.interface_of(proxy), world.interface_of(build)
    flow = Flow(source.address, source_port, target.address, BUILD_PORTS[system])
    checks = legs.settled(legs.private_checks(world, source, target, flow))
    verdict = served(build, condition, legs.deciding(checks), flow)
    return Leg(f"{proxy.hop} → {build.hop}", 2, flow, verdict, build.id, checks)


def _first_segment(flow: Flow, world: World, condition: Condition) -> tuple[tuple[Leg, ...], Member | None]:
    endpoint, service, balancer = world.linked
    found = [to_endpoint(flow, world, endpoint, service)]
    if not found[-1].verdict.carried:
        return tuple(found), None
    natted = Flow(service.nat_address, flow.source_port, world.frontend.private_address, flow.destination_port)
    rule = rule_of(world, flow.destination_port)
    at_frontend = frontend_verdict(natted, balancer, rule)
    found.append(Leg("private-endpoint → load-balancer", 1, natted, at_frontend, balancer.id))
    if rule is None:
        return tuple(found), None
    backends = eligible(world, condition, rule)
    if not backends:
        nobody = no_backend(natted, world, balancer, rule, condition)
        found.append(Leg("load-balancer → proxy", 1, natted, nobody, balancer.id))
        return tuple(found), None
    proxy = order(natted, backends, rule.distribution, lambda member: member.interface.text)[0]
    found.append(at_proxy(natted, world, condition, proxy, rule))
    return tuple(found), proxy


def at_proxy(natted: Flow, world: World, condition: Condition, proxy: Member, rule: BalancingRule) -> Leg:
    """The balancer's leg to one proxy: its groups, unless a switch has them bypassed, the way back, its service.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    interface = world.interface_of(proxy)
    inside = replace(natted, destination=interface.address, destination_port=backend_port(rule, natted))
    full = nat_ports.exhausted(world, condition, proxy)
    checks = (full,) if full else legs.settled(_proxy_checks(world, interface, inside, rule))
    verdict = served(proxy, condition, legs.deciding(checks), inside)
    return Leg(f"load-balancer → {proxy.hop}", 1, inside, verdict, proxy.id, checks)


def standing_at_proxy(inside: Flow, world: World, proxy: Member) -> Leg:
    """What the groups at a proxy say of a flow that is open there, wherever the balancer would lead it now.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    checks = legs.settled(_proxy_checks(world, world.interface_of(proxy), inside))
    return Leg(f"load-balancer → {proxy.hop}", 1, inside, legs.deciding(checks), proxy.id, checks)


def _proxy_checks(
    world: World, interface: Interface, flow: Flow, rule: BalancingRule | None = None
) -> Iterator[Verdict]:
    """What private-link data meets at a proxy, there and back.

    Which of several NAT addresses a connection gets is documented nowhere: one that is denied stops the path.
    """
    natted = _natted(world, flow)
    if world.switches.pls_data_nsg == "bypass":
        reason = Reason("state", interface.id.text, "pls_data_nsg")
        yield Verdict(Outcome.CARRIED, reason, f"{flow} passes: the switch pls_data_nsg is bypass")
    else:
        yield _worst(security.at_interface(world, interface, "Inbound", each) for each in natted)
    if rule is not None and rule.floating_ip:
        yield _floating(flow, interface, rule)
    yield _worst(legs.answer(world, interface.subnet, each) for each in natted)


def _floating(flow: Flow, interface: Interface, rule: BalancingRule) -> Verdict:
    """With floating IP a packet keeps the frontend's address, which a guest must have on its loopback (azure.md 3.7).

    https://learn.microsoft.com/azure/load-balancer/load-balancer-floating-ip; nothing says that a proxy VM has it.
    """
    reason = Reason("state", rule.id.text, "FloatingIp")
    sentence = f"{flow} keeps the frontend's address by rule {rule.id.name} (enableFloatingIP), "
    return Verdict(Outcome.DROPPED, reason, f"{sentence}and {interface.id.name} does not answer for that")


def _natted(world: World, flow: Flow) -> tuple[Flow, ...]:
    """A flow as it comes from each NAT address of the service, the given one first."""
    addresses = world.service.nat_addresses if world.service else ()
    return flow, *(replace(flow, source=each) for each in addresses if each != flow.source)


def _worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The first that stops its flow; where none does, the first."""
    found = list(verdicts)
    return next((each for each in found if not each.carried), found[0])
