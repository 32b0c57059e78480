"""What a flow meets from the client to the build VM, leg by leg, and how it ends.

A path has one or two TCP segments. With private link the first ends at the proxy VM (private endpoint, private
link and balancer pass packets, they do not answer) and the second at the build VM; without it there is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from emulator.model.balancer import BalancingRule, LoadBalancer
from emulator.model.compute import Role, VirtualMachine
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import VirtualNetwork
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.world import BUILD_PORTS, PROBE_SOURCE, PROXY_PORTS, System, World, build_role
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import security
from emulator.rules.distribution import order

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

    healthy: frozenset[tuple[ResourceId, ResourceId]] = frozenset()
    stopped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a path: from whom to whom, in which segment, and the verdict there."""

    name: str
    segment: int
    flow: Flow
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Path:
    """The legs of a flow up to the one that stops it, or to the build VM."""

    legs: tuple[Leg, ...]
    proxy: VirtualMachine | None = None

    def end(self, segment: int | None = None) -> Leg:
        """The leg at which a segment (or the whole path) ends."""
        return [leg for leg in self.legs if segment in (None, leg.segment)][-1]

    @property
    def carried(self) -> bool:
        """Whether the flow arrives."""
        return self.legs[-1].verdict.carried


def decide(flow: Flow, world: World, condition: Condition, system: System) -> Path:
    """The path of a client's flow to the build VM of `system`.

    With private link the proxy's port decides which build VM that is: 60001 leads to Linux, 60000 to Windows.
    """
    if world.topology != "existing-vnet":
        return Path(tuple(direct_legs(flow, world, condition, system)))
    legs, proxy = _first_segment(flow, world, condition)
    if proxy is None or not legs[-1].verdict.carried:
        return Path(legs, proxy)
    reached = SYSTEM_AT[legs[-1].flow.destination_port]
    return Path((*legs, second_leg(world, condition, reached, proxy, flow.source_port)), proxy)


def client_flow(world: World, system: System, source_port: int, source: IPv4Address | None = None) -> Flow:
    """What a client of this topology dials, from its address or another."""
    target, port = entry_of(world, system)
    return Flow(source or world.client, source_port, target, port)


def entry_of(world: World, system: System) -> tuple[IPv4Address, int]:
    """The address and port that the client side of the topology dials.

    Raises:
        LookupError: the world has no build VM of that system, or no private endpoint.
    """
    machine = world.machine(build_role(system))
    if machine is None:
        raise LookupError(f"the world has no {build_role(system)}")
    if world.topology == "existing-vnet":
        return _parts(world)[0].address, PROXY_PORTS[system]
    interface = world.interface_of(machine)
    return interface.public_address or interface.address, BUILD_PORTS[system]


def direct_legs(flow: Flow, world: World, condition: Condition, system: System) -> Iterator[Leg]:
    """The one leg of a topology without private link: the client's groups, the build VM's, then its service."""
    machine = world.machine(build_role(system))
    if machine is None:
        raise LookupError(f"the world has no {build_role(system)}")
    interface = world.interface_of(machine)
    # A group sees addresses after the public one was translated (network-security-groups-overview).
    inside = replace(flow, destination=interface.address)
    verdict = _denied_leaving(inside, world, world.network_of(interface.subnet))
    verdict = verdict or security.at_interface(world, interface, "Inbound", inside)
    verdict = verdict if not verdict.carried else _service(machine, condition, verdict, inside)
    yield Leg(f"client → {machine.hop}", 1, inside, verdict)


def second_leg(world: World, condition: Condition, system: System, proxy: VirtualMachine, source_port: int) -> Leg:
    """The proxy's own connection to the build VM."""
    build = world.machine(build_role(system))
    if build is None:
        raise LookupError(f"the world has no {build_role(system)}")
    source, target = world.interface_of(proxy), world.interface_of(build)
    flow = Flow(source.address, source_port, target.address, BUILD_PORTS[system])
    verdict = security.between(world, source, target, flow)
    verdict = verdict if not verdict.carried else _service(build, condition, verdict, flow)
    return Leg(f"{proxy.hop} → {build.hop}", 2, flow, verdict)


def probe_verdict(world: World, condition: Condition, proxy: VirtualMachine, port: int) -> Verdict:
    """What a health probe of a proxy meets: the groups at its interface, then its service."""
    interface = world.interface_of(proxy)
    flow = Flow(PROBE_SOURCE, 49152, interface.address, port)
    verdict = security.at_interface(world, interface, "Inbound", flow)
    return _service(proxy, condition, verdict, flow) if verdict.carried else verdict


def _parts(world: World) -> tuple[PrivateEndpoint, PrivateLinkService, LoadBalancer]:
    if world.endpoint is None or world.service is None or world.balancer is None:
        raise LookupError("the world has no private endpoint, private link service or load balancer")
    return world.endpoint, world.service, world.balancer


def _first_segment(flow: Flow, world: World, condition: Condition) -> tuple[tuple[Leg, ...], VirtualMachine | None]:
    endpoint, service, balancer = _parts(world)
    legs = [Leg("client → private-endpoint", 1, flow, _at_endpoint(flow, world, endpoint))]
    if not legs[-1].verdict.carried:
        return tuple(legs), None
    natted = Flow(service.nat_address, flow.source_port, balancer.frontend, flow.destination_port)
    rule = balancer.rule_for(flow.destination_port)
    legs.append(Leg("private-endpoint → load-balancer", 1, natted, _at_frontend(natted, balancer, rule)))
    if rule is None:
        return tuple(legs), None
    backends = eligible(world, condition, rule)
    if not backends:
        legs.append(Leg("load-balancer → proxy", 1, natted, _nobody(natted, balancer, rule)))
        return tuple(legs), None
    proxy = order(natted, backends, rule.distribution, lambda machine: machine.interface.text)[0]
    legs.append(at_proxy(natted, world, condition, proxy, rule))
    return tuple(legs), proxy


def eligible(world: World, condition: Condition, rule: BalancingRule) -> tuple[VirtualMachine, ...]:
    """The proxies that take new flows of a rule: in the pool, and up for its probe."""
    pool = _parts(world)[2].pool
    return tuple(
        machine
        for machine in world.proxies
        if machine.interface in pool and (rule.probe, machine.interface) in condition.healthy
    )


def at_proxy(natted: Flow, world: World, condition: Condition, proxy: VirtualMachine, rule: BalancingRule) -> Leg:
    """The balancer's leg to one proxy: its groups, unless a switch has them bypassed, then its service."""
    interface = world.interface_of(proxy)
    inside = replace(natted, destination=interface.address, destination_port=rule.backend_port)
    if world.switches.pls_data_nsg == "bypass":
        reason = Reason("state", interface.id.text, "pls_data_nsg")
        sentence = f"{inside} passes: the switch pls_data_nsg is bypass"
        verdict = Verdict(Outcome.CARRIED, reason, sentence)
    else:
        verdict = security.at_interface(world, interface, "Inbound", inside)
    verdict = _service(proxy, condition, verdict, inside) if verdict.carried else verdict
    return Leg(f"load-balancer → {proxy.hop}", 1, inside, verdict)


def _at_endpoint(flow: Flow, world: World, endpoint: PrivateEndpoint) -> Verdict:
    home = world.network_of(endpoint.subnet)
    if flow.destination != endpoint.address or flow.source not in home:
        reason = Reason("state", endpoint.id.text, "NoRoute")
        return Verdict(Outcome.DROPPED, reason, f"{flow} has no route to private endpoint {endpoint.address}")
    denied = _denied_leaving(flow, world, home)
    if denied:
        return denied
    outcome = Outcome.CARRIED if endpoint.state == "Approved" else Outcome.DROPPED
    sentence = f"the connection of private endpoint {endpoint.id.name} is {endpoint.state}"
    return Verdict(outcome, Reason("state", endpoint.id.text, endpoint.state), sentence)


def _denied_leaving(flow: Flow, world: World, home: VirtualNetwork) -> Verdict | None:
    """The denial by the group of the client's own subnet, if it stands in one that has a group (azure.md 4.2)."""
    subnet = next((each for each in home.subnets if flow.source in each.prefix), None)
    group = world.group(subnet.group) if subnet else None
    verdict = security.evaluate(group, "Outbound", flow, security.Tags(home.prefixes)) if group else None
    return None if verdict is None or verdict.carried else verdict


def _at_frontend(flow: Flow, balancer: LoadBalancer, rule: BalancingRule | None) -> Verdict:
    if rule is None:
        reason = Reason("state", balancer.id.text, "NoLoadBalancingRule")
        sentence = f"load balancer {balancer.id.name} has no rule for port {flow.destination_port}"
        return Verdict(Outcome.DROPPED, reason, sentence)
    sentence = f"load balancer {balancer.id.name} takes it by rule {rule.id.name}"
    return Verdict(Outcome.CARRIED, Reason("state", rule.id.text, rule.id.name), sentence)


def _nobody(flow: Flow, balancer: LoadBalancer, rule: BalancingRule) -> Verdict:
    name = rule.probe.name
    sentence = (
        f"{flow}: load balancer {balancer.id.name} has no healthy backend, "
        f"probe {name} fails, so it sends new connections nowhere"
    )
    return Verdict(Outcome.DROPPED, Reason("probe", rule.probe.text, name), sentence)


def _service(machine: VirtualMachine, condition: Condition, verdict: Verdict, flow: Flow) -> Verdict:
    if machine.hop in condition.stopped:
        reason = Reason("state", machine.id.text, "ServiceStopped")
        return Verdict(Outcome.REFUSED, reason, f"no service listens on {machine.hop}: its machine answers RST")
    if flow.destination_port not in SERVED[machine.role]:
        reason = Reason("state", machine.id.text, "NoListener")
        sentence = f"nothing listens on port {flow.destination_port} of {machine.hop}: its machine answers RST"
        return Verdict(Outcome.REFUSED, reason, sentence)
    return verdict
