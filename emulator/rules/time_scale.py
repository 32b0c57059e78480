"""What a scaled clock does to clients whose own timers it cannot scale."""

from collections.abc import Iterator

from emulator.model.world import PROXY_PORTS, World
from emulator.rules.idle import idle_limit

PACKER, LEAST = 5.0, 1.0
"""Real seconds between two keepalives of Packer (azure.md 6.2), and the least that TCP and OpenSSH can be set to."""
ROOM = 3
"""Intervals that fit into a limit, so that a late one does not run into it."""


def warnings(world: World, scale: float) -> Iterator[str]:
    """What to expect where an idle limit gets shorter than three of a client's intervals; once for each limit."""
    limits = {}
    for port in PROXY_PORTS.values():
        limit = idle_limit(world, port)
        if limit is not None:
            limits[limit.reason] = limit
    for reason, limit in limits.items():
        real = limit.seconds / scale
        if real < ROOM * PACKER:
            who = "no client's" if real < ROOM * LEAST else "not Packer's"
            yield (
                f"time_scale {scale:g} makes {limit.seconds:g} s of {reason.name} ({reason.id.rpartition('/')[2]}) "
                f"last {real:.3g} s: {who} keepalives come often enough (Packer's every 5 s, others' every 1 s at "
                "best), so connections that Azure keeps are ended here"
            )
