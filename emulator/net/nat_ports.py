"""Count the flows that private link has a port for, and say when a backend has none left."""

from types import TracebackType

from emulator.net.scene import Scene
from emulator.rules import nat_ports


class NatPorts:
    """The ports that flows to each proxy have taken; there is one count for all listeners of a scene."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._taken = scene.nat_ports

    def held(self, hop: str) -> "_Held":
        """A context in which a flow to a proxy has its port."""
        return _Held(self, hop)

    def take(self, hop: str) -> None:
        """One flow more."""
        self._taken[hop] += 1
        self._look(hop)

    def give(self, hop: str) -> None:
        """One flow fewer."""
        self._taken[hop] -= 1
        self._look(hop)

    def _look(self, hop: str) -> None:
        full = self._taken[hop] >= nat_ports.capacity(self._scene.world, self._scene.condition)
        if full != (hop in self._scene.condition.exhausted):
            self._scene.change(condition=self._scene.condition.with_ports(hop, exhausted=full))


class _Held:
    """There is one for each connection: a class with slots takes a third of a generator's memory."""

    __slots__ = ("_hop", "_ports")

    def __init__(self, ports: NatPorts, hop: str) -> None:
        self._ports = ports
        self._hop = hop

    def __enter__(self) -> None:
        self._ports.take(self._hop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ports.give(self._hop)
