"""How long a quiet connection lives on the way through private link and balancer, and how it ends."""

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.model.world import World
from emulator.rules import frontend
from emulator.rules.checklist import scene
from emulator.rules.checklist.finding import Answer, Item


def idle_limits(world: World) -> Iterator[Answer]:
    """How long a quiet connection lives, and how it ends: the shortest of three limits; keepalives count."""
    _, _, balancer = world.linked
    known = list(_idle_limits(world))
    shortest = min(limit.minutes for limit in known)
    tells = [limit.tells for limit in known if limit.minutes == shortest]
    how = "ended by RST towards both ends" if all(tells) else "dropped in silence"
    words = ", ".join(f"{limit.name} {limit.minutes:g} min{' (RST)' if limit.tells else ''}" for limit in known)
    yield Answer("ok", balancer.id, f"a connection that is quiet for {shortest:g} min is {how}: {words}")


@dataclass(frozen=True, slots=True)
class _Limit:
    """An idle limit; `tells` where its end is told by RST (enableTcpReset, azure.md 3.5), not by silence."""

    name: str
    minutes: float
    tells: bool = False


def _idle_limits(world: World) -> Iterator[_Limit]:
    switches, network = world.switches, world.network_of(scene.build_subnet(world).id)
    yield _Limit("private link", switches.private_link_idle / 60, switches.private_link_idle_reset)
    if network.flow_timeout_minutes is not None:
        yield _Limit(f"virtual network {network.id.name}", network.flow_timeout_minutes)
    for rule in dict.fromkeys(frontend.rule_of(world, port) for port in scene.proxy_ports(world)):
        if rule is not None:
            # Not behind HA ports of an internal balancer (load-balancer-tcp-reset).
            yield _Limit(f"rule {rule.id.name}", rule.idle_timeout_minutes, rule.tcp_reset and rule.protocol != "All")


ITEMS = (
    Item(
        "idle-limits",
        "A quiet channel is dropped without a word, and the next command hangs; Packer's keepalives prevent that",
        "https://learn.microsoft.com/azure/load-balancer/load-balancer-tcp-reset",
        idle_limits,
        ("existing-vnet",),
    ),
)
