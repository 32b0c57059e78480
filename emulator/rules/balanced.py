"""The path of a flow to a load balancer's frontend: the balancer keeps its source, and sends it to a member."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from emulator.model.balancer import BalancingRule, Frontend, LoadBalancer
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import frontend, legs, pool
from emulator.rules.condition import Condition, probed
from emulator.rules.distribution import order
from emulator.rules.ends import End
from emulator.rules.legs import Leg, Path


@dataclass(frozen=True, slots=True)
class _Balanced:
    """What a flow meets at a frontend: the rule that takes it, and the members that are ready for it."""

    balancer: LoadBalancer
    rule: BalancingRule | None
    ready: tuple[ResourceId, ...]


def through(world: World, condition: Condition, source: End, at: tuple[LoadBalancer, Frontend], flow: Flow) -> Path:
    """A flow to a balancer's frontend (azure.md 3.3).

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    balancer, front = at
    rule = balancer.rule_for(front.id, flow.destination_port, flow.protocol.name.capitalize())
    met = _Balanced(balancer, rule, _ready(world, condition, balancer, rule))
    checks = legs.settled(_frontend_checks(world, source, met, flow))
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
    world: World, condition: Condition, balancer: LoadBalancer, rule: BalancingRule | None
) -> tuple[ResourceId, ...]:
    """The members that take new flows; of another balancer than the channel's, probes succeed if groups let them."""
    ours = world.balancer is not None and balancer.id == world.balancer.id
    up = condition.healthy if ours else probed(world, balancer)
    return pool.eligible(world, balancer, rule, up) if rule else ()


def _frontend_checks(world: World, source: End, met: _Balanced, flow: Flow) -> Iterator[Verdict]:
    if source.subnet is not None:
        yield from legs.leaving_checks(world, source.interface or source.subnet.id, flow)
    yield frontend.frontend_verdict(flow, met.balancer, met.rule)
    if met.rule is not None and not met.ready:
        yield frontend.no_backend(flow, world, met.balancer, met.rule)


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
