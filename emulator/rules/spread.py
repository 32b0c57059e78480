"""Which source ports end differently: by rules that tell them apart, and by the backend that a hash picks."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from emulator.model.world import World
from emulator.rules import pool
from emulator.rules.entry import port_classes
from emulator.rules.legs import Path

HASHED = 64
"""How many source ports of a class are tried where there are several backends: enough to meet each of a few."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Source ports whose flows end alike, in ranges as they were tried, and the path of the first of them."""

    ports: tuple[tuple[int, int], ...]
    path: Path

    def __str__(self) -> str:
        first, last = self.ports[0]
        ports = f"port {first}" if first == last else f"ports {first}-{last}"
        more = " and others" if len(self.ports) > 1 else ""
        return f"from source {ports}{more}: {self.path.end().verdict.sentence}"


def endings(world: World, decide: Callable[[int], Path]) -> Sequence[Ending]:
    """The different ends of a flow, by its source port: one where the port makes no difference.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    found: dict[object, Ending] = {}
    for first, last in _tried(world):
        path = decide(first)
        end = path.end()
        key = (end.name, end.verdict.outcome, end.verdict.reason)
        before = found.get(key)
        found[key] = Ending((*before.ports, (first, last)), before.path) if before else Ending(((first, last),), path)
    return tuple(found.values())


def _tried(world: World) -> Iterator[tuple[int, int]]:
    """The classes of source ports that no rule tells apart; where there are several backends, ports of each class."""
    several = any(len(pool.backends(world, each)) > 1 for each in world.balancers)
    for first, last in port_classes(world.groups, world.admin_rules):
        if several:
            yield from ((port, port) for port in range(first, min(last, first + HASHED - 1) + 1))
        else:
            yield first, last
