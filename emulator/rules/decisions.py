"""Decisions that are made once for all flows that nothing tells apart, for who has to decide many a second.

Flows of one source and system differ by their source port alone. Rules split the ports into few ranges; within one,
only the sentences of verdicts name the port. So what is remembered is a path that carries: of those nobody reads the
sentences. A path that ends is decided anew for its own port.
"""

from bisect import bisect_right
from ipaddress import IPv4Address

from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.world import System, World
from emulator.rules import path
from emulator.rules.condition import Condition
from emulator.rules.entry import source_ports
from emulator.rules.legs import Leg
from emulator.rules.path import ChannelPath


class Decisions:
    """Those of one world and one condition of it.

    Attributes:
        world: what is decided over.
        condition: likewise.
    """

    def __init__(self, world: World, condition: Condition) -> None:
        self.world = world
        self.condition = condition
        self._starts = [first for first, _ in source_ports(world)]
        self._is_spread = len(world.proxies) > 1  # the balancer's hash tells every port from every other
        self._paths: dict[tuple[System, IPv4Address, IPv4Address, int, int], ChannelPath] = {}
        self._legs: dict[tuple[System, str, int], Leg] = {}

    def path(self, flow: Flow, system: System) -> ChannelPath:
        """As `path.decide`; the sentences of a path that carries may name another source port.

        Raises:
            NotLoadedError: a resource that decides was not loaded.
        """
        key = (system, flow.source, flow.destination, flow.destination_port, self._range(flow.source_port))
        known = self._paths.get(key)
        if known is not None:
            legs = tuple([_at(leg, flow.source_port) for leg in known.legs])
            return ChannelPath(legs, known.proxy, known.reached)
        found = path.decide(flow, self.world, self.condition, system)
        if found.carried and not self._is_spread:
            self._paths[key] = found
        return found

    def second_leg(self, system: System, proxy: Member, source_port: int) -> Leg:
        """As `path.second_leg`; the sentences of a leg that carries may name another source port.

        Raises:
            NotLoadedError: a resource that decides was not loaded.
        """
        key = (system, proxy.hop, self._range(source_port))
        known = self._legs.get(key)
        if known is not None:
            return _at(known, source_port)
        found = path.second_leg(self.world, self.condition, system, proxy, source_port)
        if found.verdict.carried:
            self._legs[key] = found
        return found

    def _range(self, port: int) -> int:
        return bisect_right(self._starts, port)


def _at(leg: Leg, port: int) -> Leg:
    flow = leg.flow
    own = Flow(flow.source, port, flow.destination, flow.destination_port, flow.protocol)
    return Leg(leg.name, leg.segment, own, leg.verdict, leg.resource, leg.checks)
