"""What a load balancer does with a flow to its frontend: its rule, who may take the flow, and why nobody does."""

from emulator.model.balancer import BalancingRule, LoadBalancer
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import pool
from emulator.rules.condition import Condition, probe_answer


def rule_of(world: World, port: int) -> BalancingRule | None:
    """The balancing rule that private-link data for a port meets: of the frontend that the service leads to."""
    return world.linked[2].rule_for(world.frontend.id, port)


def eligible(world: World, condition: Condition, rule: BalancingRule) -> tuple[Member, ...]:
    """The proxies that take new flows of a rule: in its pool, and up for its probe."""
    found = pool.eligible(world, world.linked[2], rule, condition.healthy)
    return tuple(member for member in world.proxies if member.interface in found)


def backend_port(rule: BalancingRule, flow: Flow) -> int:
    """The port that a backend sees; HA ports keep the client's."""
    return rule.backend_port or flow.destination_port


def frontend_verdict(flow: Flow, balancer: LoadBalancer, rule: BalancingRule | None) -> Verdict:
    """What a balancer's frontend does with a flow; without a rule for its port it is silent (azure.md 3.3)."""
    if rule is None:
        reason = Reason("state", balancer.id.text, "NoLoadBalancingRule")
        sentence = f"load balancer {balancer.id.name} has no rule for port {flow.destination_port}"
        return Verdict(Outcome.DROPPED, reason, sentence)
    sentence = f"load balancer {balancer.id.name} takes it by rule {rule.id.name}"
    return Verdict(Outcome.CARRIED, Reason("state", rule.id.text, rule.id.name), sentence)


def no_backend(
    flow: Flow, world: World, balancer: LoadBalancer, rule: BalancingRule, condition: Condition | None = None
) -> Verdict:
    """Why a balancer sends a flow nowhere: nobody in the pool, the operator's word, or a probe (azure.md 3.5).

    What keeps the probe of a proxy from its answer is said too, as far as the world or the condition tells.
    """
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
        f"{_why(world, balancer, rule, condition or Condition())}"
    )
    return Verdict(Outcome.DROPPED, Reason("probe", rule.probe.text, rule.probe.name), sentence)


def _why(world: World, balancer: LoadBalancer, rule: BalancingRule, condition: Condition) -> str:
    """What the first probe that fails meets; nothing where its failure is not known yet, or not ours to know."""
    probe = balancer.probe_of(rule)
    ours = {each.interface for each in pool.backends(world, balancer, rule)}
    if probe is None:
        return ""
    met = (probe_answer(world, condition, each, probe) for each in world.proxies if each.interface in ours)
    return next((f"; {verdict.sentence}" for verdict in met if not verdict.carried), "")
