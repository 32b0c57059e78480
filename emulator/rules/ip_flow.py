"""IP flow verify: whether the rules at a machine's interface allow a packet, and which rule says so.

It asks security groups and admin rules, not routes, services or firewalls in the guest
(https://learn.microsoft.com/azure/network-watcher/ip-flow-verify-overview).
"""

from dataclasses import dataclass

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Access, Direction, Interface
from emulator.model.world import World
from emulator.reason import Verdict
from emulator.rules import security


@dataclass(frozen=True, slots=True)
class IpFlow:
    """The answer of IP flow verify; `rule_name` is empty where no rule was asked."""

    access: Access
    rule_name: str
    verdict: Verdict


def verify(world: World, interface: Interface, direction: Direction, flow: Flow) -> IpFlow:
    """Whether an interface's rules allow a packet; its own end is the destination of an inbound one.

    Raises:
        NotLoadedError: a group, or what a rule names, was not loaded, and the verdict hangs on it.
    """
    verdict = security.at_interface(world, interface, direction, flow)
    return IpFlow("Allow" if verdict.carried else "Deny", _name(world, direction, verdict), verdict)


def _name(world: World, direction: Direction, verdict: Verdict) -> str:
    """The rule's name as Azure's effective rules have it; that form is documented for the default rules alone."""
    if verdict.reason.kind != "rule":
        return ""
    name = verdict.reason.name
    group = world.find("groups", ResourceId(verdict.reason.id))
    own = group is not None and any((rule.name, rule.direction) == (name, direction) for rule in group.rules)
    default = not own and name in {rule.name for rule in security.DEFAULT_RULES}
    return f"{'defaultSecurityRules' if default else 'securityRules'}/{name}"
