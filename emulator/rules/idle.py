"""How long a flow through private link and the balancer may be silent, and what its ends are told then."""

from dataclasses import dataclass

from emulator.model.balancer import BalancingRule
from emulator.model.world import World
from emulator.reason import Reason
from emulator.rules.frontend import rule_of

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class IdleLimit:
    """The first timer that a silent flow runs into.

    Attributes:
        seconds: emulated seconds without a packet.
        reset: whether both ends are told by RST; else the flow's state goes silently, and neither is told.
        reason: the timer.
        sentence: what it does, for a person.
    """

    seconds: float
    reset: bool
    reason: Reason
    sentence: str


def idle_limit(world: World, port: int, *, established: bool = True) -> IdleLimit | None:
    """The limit of a flow to a frontend port; None where no private link carries it.

    The shorter of the rule's `idleTimeoutInMinutes` and private link's own limit counts (azure.md 4.4).

    Args:
        world: Azure's resources.
        port: the frontend port that the flow came to.
        established: false once an end has sent FIN: TCP reset is for established flows only (azure.md 3.5).
    """
    key = ("idle limit", port, established)
    return world.remembered(key, lambda: _limit(world, port, established=established))


def _limit(world: World, port: int, *, established: bool) -> IdleLimit | None:
    if world.topology != "existing-vnet" or world.service is None:
        return None
    limits = [_of_private_link(world, established=established)]
    rule = rule_of(world, port)
    if rule is not None:  # it may be removed under an open flow; private link's limit stays
        limits.append(_of_rule(rule, established=established))
    return min(limits, key=lambda each: each.seconds)


def _of_rule(rule: BalancingRule, *, established: bool) -> IdleLimit:
    """Silent unless `enableTcpReset`, which HA ports do not heed (load-balancer-tcp-reset)."""
    seconds = rule.idle_timeout_minutes * MINUTE
    every_port = rule.protocol == "All" and rule.frontend_port == 0
    reset = rule.tcp_reset and established and not every_port
    told = "enableTcpReset: both ends were reset" if reset else "the flow's state was dropped, neither end was told"
    sentence = f"no packet for {seconds:g} s, idleTimeoutInMinutes of rule {rule.id.name}: {told}"
    return IdleLimit(seconds, reset, Reason("timer", rule.id.text, "idleTimeoutInMinutes"), sentence)


def _of_private_link(world: World, *, established: bool) -> IdleLimit:
    """About 300 s by the documentation; a field report has resets (MicrosoftDocs/azure-docs#94724): two switches."""
    seconds = world.switches.private_link_idle
    reset = world.switches.private_link_idle_reset and established
    told = "both ends were reset" if reset else "the flow's state was dropped, neither end was told"
    sentence = f"no packet for {seconds:g} s, private link's own idle limit: {told}"
    service = world.service.id.text if world.service else ""
    return IdleLimit(seconds, reset, Reason("timer", service, "private_link_idle"), sentence)
