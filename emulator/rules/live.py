"""What becomes of a flow that is open when the world or the condition of the channel changes.

As a rule it goes on (azure.md 2.5, 3.5): security rules, probes and states decide new flows. The exceptions are here.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from emulator.model.balancer import BalancingRule, Pool
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.world import World
from emulator.reason import Reason, Verdict
from emulator.rules import pool
from emulator.rules.condition import SILENCES, Condition
from emulator.rules.frontend import rule_of
from emulator.rules.legs import Leg, Path
from emulator.rules.path import ChannelPath, standing_at_proxy
from emulator.rules.private_link import connection_state


@dataclass(frozen=True, slots=True)
class Fate:
    """How an open flow ends.

    Attributes:
        how: `drop` leaves both ends in the dark, `rst` and `fin` tell both.
        after: emulated seconds from the change on.
        by: the hop that ended it; empty for the one that tells.
    """

    how: Literal["drop", "rst", "fin"]
    reason: Reason
    sentence: str
    after: float = 0.0
    by: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """What is kept of a client's flow while it is open: there is one for each, and a path with its verdicts is large.

    Attributes:
        flow: as the client sent it.
        far_end: the resource at which its first segment ends.
        proxy: the one that the balancer chose.
        inside: the flow as it comes to the far end.
    """

    flow: Flow
    far_end: ResourceId | None
    proxy: Member | None
    inside: Flow


def opened(route: ChannelPath) -> Opened:
    """What to keep of a path that let a flow in."""
    end = route.end(1)
    return Opened(route.legs[0].flow, end.resource, route.proxy, end.flow)


def of_first_segment(world: World, condition: Condition, then: Opened, now: Callable[[], ChannelPath]) -> Fate | None:
    """The fate of a client's flow that is open; None lets it go on. `now` judges it anew."""
    return (
        _of_machine(_member(world, then.far_end), condition)
        or _of_endpoint(world)
        or (_of_rules(world, (*now().legs, *_standing(world, then))) if _can_cut(world) else None)
        or _of_backend(world, condition, then)
    )


def _standing(world: World, then: Opened) -> Iterable[Leg]:
    """What the proxy's own groups say: they judge a flow anew, too, to which the balancer would lead no other."""
    if then.proxy is None or _member(world, then.proxy.id) is None:
        return ()
    return (standing_at_proxy(then.inside, world, then.proxy),)


def of_second_segment(
    world: World, condition: Condition, proxy: Member, build: Member | None, now: Callable[[], Leg]
) -> Fate | None:
    """The fate of a proxy's flow to a build VM; None lets it go on. `now` judges it anew."""
    gone = _of_machine(proxy, condition) or _of_machine(build, condition)
    return gone or (_of_rules(world, [now()]) if _can_cut(world) else None)


def of_outgoing(world: World, now: Callable[[], Path]) -> Fate | None:
    """The fate of a connection that a machine opened itself; None lets it go on. `now` judges it anew."""
    return _of_rules(world, now().legs) if _can_cut(world) else None


def _can_cut(world: World) -> bool:
    return world.switches.rule_change == "cut" or any(each.flush_connection for each in world.groups)


def _member(world: World, machine: ResourceId | None) -> Member | None:
    return next((each for each in world.members if each.id == machine), None)


def _of_machine(member: Member | None, condition: Condition) -> Fate | None:
    """A machine that is gone says no last word; a firewall in its guest lets go on what it let in."""
    silence = condition.silence_of(member.hop) if member else None
    if member is None or silence is None or silence == "GuestFirewall":
        return None
    return Fate("drop", Reason("state", member.id.text, silence), SILENCES[silence].format(member.hop), by=member.hop)


def _of_endpoint(world: World) -> Fate | None:
    """Not documented (azure.md 4.3): a switch."""
    if world.topology != "existing-vnet" or world.switches.endpoint_lost == "keep":
        return None
    endpoint, service, _ = world.linked
    state = connection_state(endpoint, service)
    if state == "Approved":
        return None
    sentence = f"the connection of private endpoint {endpoint.id.name} became {state}"
    how: Literal["drop", "rst"] = "rst" if world.switches.endpoint_lost == "reset" else "drop"
    return Fate(how, Reason("state", endpoint.id.text, state), sentence)


def _of_rules(world: World, legs: Iterable[Leg]) -> Fate | None:
    """Rules cut open flows only by a group's `flushConnection`, or by a switch (azure.md 2.5, 7 row 7)."""
    for leg in legs:
        verdict = leg.verdict
        if not verdict.carried and verdict.reason.kind == "rule" and _cuts(world, verdict):
            return Fate("drop", verdict.reason, f"{verdict.sentence}, and open flows are judged anew")
    return None


def _cuts(world: World, verdict: Verdict) -> bool:
    group = world.group(ResourceId(verdict.reason.id))
    return world.switches.rule_change == "cut" or (group is not None and group.flush_connection)


def _of_backend(world: World, condition: Condition, then: Opened) -> Fate | None:
    if then.proxy is None or world.topology != "existing-vnet":
        return None
    rule = rule_of(world, then.flow.destination_port)
    return _of_operator(world, rule, then.proxy) or _of_probe(world, condition, rule, then.proxy) if rule else None


def _of_operator(world: World, rule: BalancingRule, proxy: Member) -> Fate | None:
    """Admin state Down: TCP goes on, by one source; by another it is reset, after the pool's drain period if any."""
    backends = pool.backends(world, world.linked[2], rule)
    down = any(each.interface == proxy.interface and each.admin_state == "Down" for each in backends)
    drains = [each.drain_seconds for each in _pools(world, rule) if each.drain_seconds is not None]
    if not down or (world.switches.admin_down == "keep" and not drains):
        return None
    after = float(min(drains, default=0))
    said = f"the admin state of {proxy.hop} became Down"
    sentence = f"{said} and its drain period of {after:g} s is over" if drains else said
    return Fate("rst", Reason("state", world.linked[2].id.text, "AdminState"), sentence, after)


def _pools(world: World, rule: BalancingRule) -> Iterable[Pool]:
    return (each for each in world.linked[2].pools if each.id in rule.pools)


def _of_probe(world: World, condition: Condition, rule: BalancingRule, proxy: Member) -> Fate | None:
    """The documentation's caveat hits Image Builder's pool of one (azure.md 3.5): a switch."""
    if world.switches.sole_backend_down == "continue" or rule.probe is None:
        return None
    alone = len(pool.backends(world, world.linked[2], rule)) == 1
    if not alone or (rule.probe, proxy.interface) in condition.healthy:
        return None
    sentence = f"probe {rule.probe.name} fails and {proxy.hop} is the only backend: its open flows end"
    return Fate("drop", Reason("probe", rule.probe.text, rule.probe.name), sentence)
