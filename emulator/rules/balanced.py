"""The path of a flow to a load balancer's frontend: the balancer keeps its source, and sends it to a member."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from emulator.model.balancer import BalancingRule, Frontend, LoadBalancer
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, Subnet
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import crossing, frontend, legs, outside, pool
from emulator.rules.condition import Condition, probed
from emulator.rules.distribution import order
from emulator.rules.ends import End
from emulator.rules.legs import Leg, Path


@dataclass(frozen=True, slots=True)
class Dialled:
    """A frontend that a flow is for, and the subnet that it lies in: none for a public one."""

    balancer: LoadBalancer
    front: Frontend
    subnet: Subnet | None


@dataclass(frozen=True, slots=True)
class _Balanced:
    """What a flow meets at a frontend: the rule that takes it, and the members that are ready for it."""

    balancer: LoadBalancer
    rule: BalancingRule | None
    ready: tuple[ResourceId, ...]


def dialled_at(world: World, target: End) -> Dialled | None:
    """The balancer's frontend that an end is; None for any other end.

    Raises:
        NotLoadedError: the frontend's subnet was not loaded.
    """
    for balancer in world.balancers:
        for front in balancer.frontends:
            here = target.subnet is None or front.subnet in (None, target.subnet.id)
            if here and front.address is not None and front.address == target.address:
                return Dialled(
                    balancer, front, target.subnet or (world.subnet(front.subnet) if front.subnet else None)
                )
            public = world.find("public_ips", front.public_ip) if front.public_ip else None
            if public is not None and public.address == target.address:
                return Dialled(balancer, front, None)
    return None


def through(world: World, condition: Callable[[], Condition], source: End, dialled: Dialled, flow: Flow) -> Path:
    """A flow to a balancer's frontend (azure.md 3.3).

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    balancer = dialled.balancer
    rule = balancer.rule_for(dialled.front.id, flow.destination_port, flow.protocol.name.capitalize())
    met = _Balanced(balancer, rule, _ready(world, condition, balancer, rule))
    checks = legs.settled(_frontend_checks(world, source, met, dialled, flow))
    first = Leg(f"{source.name} → load-balancer", 1, flow, legs.deciding(checks), balancer.id, checks)
    if rule is None or not first.verdict.carried:
        return Path((first,))
    chosen = world.interface(order(flow, met.ready, rule.distribution, lambda nic: nic.text)[0])
    inside = replace(flow, destination=chosen.address, destination_port=frontend.backend_port(rule, flow))
    arrived = legs.settled(_member_checks(world, source, balancer, chosen, inside))
    last = f"load-balancer → {_name_of(world, chosen)}"
    resource = chosen.machine or chosen.id
    return Path((first, Leg(last, 1, inside, legs.deciding(arrived), resource, arrived)))


def _ready(
    world: World, condition: Callable[[], Condition], balancer: LoadBalancer, rule: BalancingRule | None
) -> tuple[ResourceId, ...]:
    """The members that take new flows; of another balancer than the channel's, probes succeed if groups let them."""
    ours = world.balancer is not None and balancer.id == world.balancer.id
    if rule is None:
        return ()
    up = condition().healthy if ours else probed(world, balancer)
    return pool.eligible(world, balancer, rule, up)


def _frontend_checks(world: World, source: End, met: _Balanced, dialled: Dialled, flow: Flow) -> Iterator[Verdict]:
    yield from _to_frontend(world, source, dialled, flow)
    yield frontend.frontend_verdict(flow, met.balancer, met.rule)
    if met.rule is not None and not met.ready:
        yield frontend.no_backend(flow, world, met.balancer, met.rule)


def _to_frontend(world: World, source: End, dialled: Dialled, flow: Flow) -> Iterator[Verdict]:
    """The way to a frontend: a public one is on the Internet, an internal one in its subnet, for networks alone."""
    home, name = dialled.subnet, dialled.balancer.id
    target = End(name.name, flow.destination, None, home, name)
    if home is None and source.subnet is not None:
        yield from outside.leaving(world, source, target, flow)
    elif home is not None and source.subnet is not None:
        yield from crossing.to_network(world, source, target, flow)
    elif home is not None:
        sentence = f"{flow} has no way in: frontend {dialled.front.id.name} of {name.name} is internal"
        yield Verdict(Outcome.DROPPED, Reason("state", name.text, "NoPublicAddress"), sentence)


def _member_checks(
    world: World, source: End, balancer: LoadBalancer, chosen: Interface, flow: Flow
) -> Iterator[Verdict]:
    """A member that is sent to itself gets no answer.

    https://learn.microsoft.com/azure/load-balancer/load-balancer-troubleshoot-backend-traffic
    """
    if source.interface is not None and source.interface.id == chosen.id:
        sentence = f"{flow}: load balancer {balancer.id.name} sends it back to where it came from: it is dropped"
        yield Verdict(Outcome.DROPPED, Reason("state", balancer.id.text, "Hairpin"), sentence)
    yield from legs.arrival_checks(world, chosen, flow, public=source.subnet is None)


def _name_of(world: World, interface: Interface) -> str:
    member = world.member_at(interface.id)
    return member.hop if member else (interface.machine or interface.id).name
