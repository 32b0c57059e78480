"""What a flow meets from the client to the build VM, leg by leg, and how it ends.

A path has one or two TCP segments. With private link the first ends at the proxy VM (private endpoint, private
link and balancer pass packets, they do not answer) and the second at the build VM; without it there is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from emulator.errors import NotLoadedError
from emulator.model.balancer import BalancingRule, LoadBalancer
from emulator.model.compute import Member, Role
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.world import BUILD_PORTS, PROBE_SOURCE, PROXY_PORTS, System, World, build_role
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import legs, pool, security
from emulator.rules.distribution import order
from emulator.rules.legs import Leg, Path

SYSTEM_AT: dict[int, System] = {port: system for system, port in PROXY_PORTS.items()}
SERVED: dict[Role, frozenset[int]] = {
    "client": frozenset(),
    "proxy": frozenset(SYSTEM_AT),
    "build-linux": frozenset({BUILD_PORTS["linux"]}),
    "build-windows": frozenset({BUILD_PORTS["windows"]}),
}
"""Ports that something listens on; a machine answers RST on every other (azure.md 3.3)."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What is true of the running channel beside its configuration.

    Attributes:
        healthy: pairs of probe ID and interface ID that the balancer believes to be up.
        stopped: hops whose service does not listen; their machine answers with RST.
    """

    healthy: pool.Up = frozenset()
    stopped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChannelPath(Path):
    """A path over the channel, and the proxy that the balancer chose."""

    proxy: Member | None = None


def decide(flow: Flow, world: World, condition: Condition, system: System) -> ChannelPath:
    """The path of a client's flow to the build VM of `system`.

    With private link the proxy's port decides which build VM that is: 60001 leads to Linux, 60000 to Windows.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    if world.topology != "existing-vnet":
        return ChannelPath(tuple(direct_legs(flow, world, condition, system)))
    first, proxy = _first_segment(flow, world, condition)
    if proxy is None or not first[-1].verdict.carried:
        return ChannelPath(first, proxy)
    reached = SYSTEM_AT[first[-1].flow.destination_port]
    return ChannelPath((*first, second_leg(world, condition, reached, proxy, flow.source_port)), proxy)


def assumed(world: World) -> Condition:
    """The condition of a channel that nobody runs: every service listens, and probes tell what the groups let them.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    return Condition(probed(world, world.balancer)) if world.balancer else Condition()


def probed(world: World, balancer: LoadBalancer) -> pool.Up:
    """The probes that would succeed if every machine behind a balancer did its work.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    return frozenset(
        (probe.id, backend.interface)
        for probe in balancer.probes
        for backend in pool.backends(world, balancer)
        if _answers_probe(world, backend.interface, probe.port)
    )


def _answers_probe(world: World, nic: ResourceId, port: int) -> bool:
    member = world.member_at(nic)
    if member is not None:
        return probe_verdict(world, Condition(), member, port).carried
    interface = world.interface(nic)
    return security.at_interface(world, interface, "Inbound", probe_flow(interface, port)).carried


def probe_flow(interface: Interface, port: int) -> Flow:
    """The first packet of a health probe of an interface (azure.md 3.4)."""
    return Flow(PROBE_SOURCE, 49152, interface.address, port)


def client_flow(world: World, system: System, source_port: int, source: IPv4Address | None = None) -> Flow:
    """What a client of this topology dials, from its address or another."""
    target, port = entry_of(world, system)
    return Flow(source or world.client, source_port, target, port)


def entry_of(world: World, system: System) -> tuple[IPv4Address, int]:
    """The address and port that the client side of the topology dials.

    Raises:
        LookupError: the world has no build VM of that system, or no private endpoint.
    """
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
    verdict = _service(build, condition, legs.deciding(checks), inside)
    yield Leg(f"client → {build.hop}", 1, inside, verdict, build.id, checks)


def _direct_checks(world: World, flow: Flow, interface: Interface) -> Iterator[Verdict]:
    home = legs.home_of(world, flow.source, world.network_of(interface.subnet))
    if home is not None:
        yield from legs.leaving_checks(world, home.id, flow)
    yield security.at_interface(world, interface, "Inbound", flow)
    back = legs.answer if home else legs.returning_to_internet
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
    verdict = _service(build, condition, legs.deciding(checks), flow)
    return Leg(f"{proxy.hop} → {build.hop}", 2, flow, verdict, build.id, checks)


def probe_verdict(world: World, condition: Condition, proxy: Member, port: int) -> Verdict:
    """What a health probe of a proxy meets: the groups at its interface, then its service.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    interface = world.interface_of(proxy)
    flow = probe_flow(interface, port)
    verdict = security.at_interface(world, interface, "Inbound", flow)
    return _service(proxy, condition, verdict, flow)


def _first_segment(flow: Flow, world: World, condition: Condition) -> tuple[tuple[Leg, ...], Member | None]:
    endpoint, service, balancer = world.linked
    found = [_to_endpoint(flow, world, endpoint, service)]
    if not found[-1].verdict.carried:
        return tuple(found), None
    natted = Flow(service.nat_address, flow.source_port, balancer.frontend, flow.destination_port)
    rule = rule_of(world, flow.destination_port)
    at_frontend = frontend_verdict(natted, balancer, rule)
    found.append(Leg("private-endpoint → load-balancer", 1, natted, at_frontend, balancer.id))
    if rule is None:
        return tuple(found), None
    backends = eligible(world, condition, rule)
    if not backends:
        found.append(Leg("load-balancer → proxy", 1, natted, no_backend(natted, world, balancer, rule), balancer.id))
        return tuple(found), None
    proxy = order(natted, backends, rule.distribution, lambda member: member.interface.text)[0]
    found.append(at_proxy(natted, world, condition, proxy, rule))
    return tuple(found), proxy


def rule_of(world: World, port: int) -> BalancingRule | None:
    """The balancing rule that private-link data for a port meets: of the frontend that the service leads to."""
    _, service, balancer = world.linked
    rule = balancer.rule_for(port)
    return rule if rule is None or rule.frontend in (None, *service.frontends) else None


def eligible(world: World, condition: Condition, rule: BalancingRule) -> tuple[Member, ...]:
    """The proxies that take new flows of a rule: in its pool, and up for its probe."""
    found = pool.eligible(world, world.linked[2], rule, condition.healthy)
    return tuple(member for member in world.proxies if member.interface in found)


def backend_port(rule: BalancingRule, flow: Flow) -> int:
    """The port that a backend sees; HA ports keep the client's."""
    return rule.backend_port or flow.destination_port


def at_proxy(natted: Flow, world: World, condition: Condition, proxy: Member, rule: BalancingRule) -> Leg:
    """The balancer's leg to one proxy: its groups, unless a switch has them bypassed, the way back, its service.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    interface = world.interface_of(proxy)
    inside = replace(natted, destination=interface.address, destination_port=backend_port(rule, natted))
    checks = legs.settled(_proxy_checks(world, interface, inside))
    verdict = _service(proxy, condition, legs.deciding(checks), inside)
    return Leg(f"load-balancer → {proxy.hop}", 1, inside, verdict, proxy.id, checks)


def _proxy_checks(world: World, interface: Interface, flow: Flow) -> Iterator[Verdict]:
    if world.switches.pls_data_nsg == "bypass":
        reason = Reason("state", interface.id.text, "pls_data_nsg")
        yield Verdict(Outcome.CARRIED, reason, f"{flow} passes: the switch pls_data_nsg is bypass")
    else:
        yield security.at_interface(world, interface, "Inbound", flow)
    yield legs.answer(world, interface.subnet, flow)


def _to_endpoint(flow: Flow, world: World, endpoint: PrivateEndpoint, service: PrivateLinkService) -> Leg:
    checks = legs.settled(_endpoint_checks(flow, world, endpoint, service))
    return Leg("client → private-endpoint", 1, flow, checks[-1], endpoint.id, checks)


def _endpoint_checks(
    flow: Flow, world: World, endpoint: PrivateEndpoint, service: PrivateLinkService
) -> Iterator[Verdict]:
    address, subnet = world.address_of(endpoint), world.subnet(_subnet(endpoint))
    source = legs.home_of(world, flow.source, world.network_of(subnet.id))
    if flow.destination != address or source is None:
        reason = Reason("state", endpoint.id.text, "NoRoute")
        yield Verdict(Outcome.DROPPED, reason, f"{flow} has no route to private endpoint {address}")
        return
    yield from legs.leaving_checks(world, source.id, flow)
    at_subnet = legs.at_private_endpoint(world, subnet, flow)
    if at_subnet is not None:
        yield at_subnet
    state = connection_state(endpoint, service)
    outcome = Outcome.CARRIED if state == "Approved" else Outcome.DROPPED
    sentence = f"the connection of private endpoint {endpoint.id.name} is {state}"
    yield Verdict(outcome, Reason("state", endpoint.id.text, state), sentence)


def _subnet(endpoint: PrivateEndpoint) -> ResourceId:
    if endpoint.subnet is None:
        raise NotLoadedError(f"private endpoint {endpoint.id} names no subnet")
    return endpoint.subnet


def connection_state(endpoint: PrivateEndpoint, service: PrivateLinkService) -> str:
    """The state of a connection: both sides have it, and where they differ the one that carries nothing counts."""
    theirs = next((each.state for each in service.connections if each.endpoint == endpoint.id), endpoint.state)
    return endpoint.state if endpoint.state != "Approved" else theirs


def frontend_verdict(flow: Flow, balancer: LoadBalancer, rule: BalancingRule | None) -> Verdict:
    """What a balancer's frontend does with a flow; without a rule for its port it is silent (azure.md 3.3)."""
    if rule is None:
        reason = Reason("state", balancer.id.text, "NoLoadBalancingRule")
        sentence = f"load balancer {balancer.id.name} has no rule for port {flow.destination_port}"
        return Verdict(Outcome.DROPPED, reason, sentence)
    sentence = f"load balancer {balancer.id.name} takes it by rule {rule.id.name}"
    return Verdict(Outcome.CARRIED, Reason("state", rule.id.text, rule.id.name), sentence)


def no_backend(flow: Flow, world: World, balancer: LoadBalancer, rule: BalancingRule) -> Verdict:
    """Why a balancer sends a flow nowhere: nobody in the pool, the operator's word, or a probe (azure.md 3.5)."""
    name = balancer.id.name
    members = pool.backends(world, balancer, rule)
    if not members:
        reason = Reason("state", balancer.id.text, "NoBackend")
        return Verdict(Outcome.DROPPED, reason, f"{flow}: load balancer {name} has no backend in its pool")
    if rule.probe is None or all(each.admin_state == "Down" for each in members):
        reason = Reason("state", balancer.id.text, "AdminState")
        return Verdict(Outcome.DROPPED, reason, f"{flow}: the admin state of every backend of {name} is Down")
    sentence = (
        f"{flow}: load balancer {name} has no healthy backend, "
        f"probe {rule.probe.name} fails, so it sends new connections nowhere"
    )
    return Verdict(Outcome.DROPPED, Reason("probe", rule.probe.text, rule.probe.name), sentence)


def _service(member: Member, condition: Condition, verdict: Verdict, flow: Flow) -> Verdict:
    """What a machine's own service does with a packet that a verdict let through to it."""
    if not verdict.carried:
        return verdict
    if member.hop in condition.stopped:
        reason = Reason("state", member.id.text, "ServiceStopped")
        return Verdict(Outcome.REFUSED, reason, f"no service listens on {member.hop}: its machine answers RST")
    if flow.destination_port not in SERVED[member.role]:
        reason = Reason("state", member.id.text, "NoListener")
        sentence = f"nothing listens on port {flow.destination_port} of {member.hop}: its machine answers RST"
        return Verdict(Outcome.REFUSED, reason, sentence)
    return verdict
