"""What a client on this machine dials: private endpoint, private link and balancer as one hop, or the build VM.

None of them answers for what lies behind it: the listener's posture is what the first TCP segment decides, and a
connection that posture could not foresee is held, never closed.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from emulator.model.world import System, World, build_role
from emulator.net import link_header, records
from emulator.net.attempts import Attempt
from emulator.net.dark import until_left
from emulator.net.dial import DialFailure
from emulator.net.faults import ListenerFaults
from emulator.net.fused import Fused, passed_on
from emulator.net.gate import Gate, gate_at
from emulator.net.holding import until_gone
from emulator.net.idle import IdleTimer
from emulator.net.late import is_kept
from emulator.net.live import LiveFlow, LiveFlows
from emulator.net.nat_ports import NatPorts
from emulator.net.reaching import reached
from emulator.net.records import Passage
from emulator.net.relay import Ended, Relay
from emulator.net.scene import Scene
from emulator.net.traffic import Traffic, counted
from emulator.rules import flow_points, live, path
from emulator.rules.condition import Condition
from emulator.rules.decisions import Decisions
from emulator.rules.entry import entry_posture
from emulator.rules.faults import listening
from emulator.rules.flow_points import Point
from emulator.rules.idle import IdleLimit, idle_limit
from emulator.rules.legs import Leg
from emulator.rules.live import Fate, Opened
from emulator.rules.path import ChannelPath
from emulator.rules.posture import Answer, Posture
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses

DIAL_SECONDS = 5.0
"""Real seconds for a connection within this machine."""
NOTHING = contextlib.nullcontext()


@dataclass(frozen=True, slots=True)
class _Carriage:
    """A connection that is carried on: what the relay and its records need, and no more, for as long as it lasts.

    Attributes:
        target: where to: the far end of this hop or, where the next one's part is fused into it, of that one.
        fused: the next hop's part.
    """

    which: Passage
    number: int
    then: Opened
    target: socket.socket
    points: Sequence[Point]
    traffic: Traffic | None
    fused: Fused | None = None

    def close(self) -> None:
        """Close the far end."""
        (self.fused.target if self.fused else self.target).close()

    def further(self, flow: LiveFlow) -> contextlib.AbstractContextManager[object]:
        """The next hop's part, where it is fused, for as long as the relay runs."""
        return self.fused.with_flow(flow) if self.fused else NOTHING

    def logged(self, relay: Relay) -> contextlib.AbstractContextManager[None]:
        """Write it into the flow logs, where there are any."""
        return NOTHING if self.traffic is None else self.traffic.carried(self.points, counted(relay, "client"))


class Entry:
    """The client-facing listener of one operating system's path.

    Attributes:
        caveat: what is not true to the packet for whoever dials this listener, whatever it does.
        dropped_under: the last world and condition whose posture dropped; an attempt may be seen when they are past.
    """

    def __init__(self, scene: Scene, system: System, caveat: str = "") -> None:
        self.scene = scene
        self.system = system
        self.caveat = caveat
        linked = scene.world.topology == "existing-vnet"
        self.hop = "load-balancer" if linked else build_role(system)
        self.dropped_under = self._playing = scene.world, scene.condition
        self.faults = ListenerFaults(scene.clock, (self.hop,), shares=True)
        self.flows = LiveFlows(self.faults, scene.clock)
        self.ports = NatPorts(scene)

    def follow(self, gate: Gate) -> None:
        """Have the gate play what the scene has become."""
        scene = self.scene
        if Answer.DROP in gate.posture.possible():
            self.dropped_under = self._playing
        self._playing = scene.world, scene.condition
        self.faults.follow(scene.faults)
        gate.set(self.posture())
        self.flows.judge()
        self.flows.impose()

    def posture(self) -> Posture:
        """What each source's SYN meets now; a fault that refuses the client refuses all: see `entry_posture`."""
        scene = self.scene
        sources = scene.loopback.sources()
        found = self.faults.posture(entry_posture(scene.world, scene.condition, self.system, sources))
        refuses = found.classes[-1].answer is Answer.REFUSE
        return Posture.to_all(Answer.REFUSE) if refuses else found

    async def serve(self, connection: socket.socket) -> None:
        """Carry one connection to where the path's first segment ends."""
        try:
            peer = connection.getpeername()[:2]
        except OSError:
            return  # gone before we looked
        carriage = await self._open(connection, peer)
        if carriage is None:
            return
        with contextlib.closing(carriage):
            relay = Relay(connection, carriage.target, self.scene.pipes)
            with carriage.logged(relay), self._port(carriage.then):
                await self._relay(relay, carriage)
            if relay.is_dark:
                await until_left(connection)

    def attempt(self, attempt: Attempt) -> None:
        """A SYN was dropped, or should have been."""
        peer = (attempt.source, attempt.source_port)
        world, route = self.scene.world, self._route(peer)
        if route.end(1).verdict.carried and not self.faults.dropping():
            world, route = self.dropped_under[0], self._route(peer, self.dropped_under)
        end = route.end(1)
        fault = self.faults.dropping() if end.verdict.carried else None
        here = next((each.name for each in route.legs if each.name.endswith(f"→ {self.hop}")), end.name)
        which = records.passage(self.hop, here if fault else end.name, peer, route.legs[0].flow)
        verdict = listening.verdict(fault) if fault else end.verdict
        approximated = self.caveat or (records.HELD if attempt.held else "")
        if self.scene.traffic is not None:
            self.scene.traffic.denied(flow_points.of_first_segment(world, route))
        self.scene.observer(records.dropped(which, verdict, approximated=approximated))

    def gone(self, attempt: Attempt) -> None:
        """The client gave up."""
        self.scene.observer(records.attempt_ended(self.hop, attempt))

    async def _open(self, connection: socket.socket, peer: tuple[str, int]) -> "_Carriage | None":
        """Decide where a connection goes, and dial; None once it was held until its client left."""
        route = self._route(peer)
        end = route.end(1)
        which = records.passage(self.hop, end.name, peer, route.legs[0].flow, backend=self._far_end(route))
        if not end.verdict.carried:
            await self._hold(connection, which, end, "the posture changed while it connected")
            return None
        number = self.faults.next_number()
        if await is_kept(self.faults, number, connection, which, self.scene):
            return None
        first = link_header.before_connection(self.scene.world, which.flow)
        fused = None if first else self._fused(which, end)
        if fused is not None:
            return _Carriage(which, number, live.opened(route), fused.target, (), None, fused)
        target = await reached(self.scene, which, end, seconds=DIAL_SECONDS, first=first)
        if isinstance(target, DialFailure):
            await self._hold(connection, which, end, target.sentence)
            return None
        traffic = self.scene.traffic
        points = flow_points.of_first_segment(self.scene.world, route) if traffic is not None else ()
        return _Carriage(which, number, live.opened(route), target, points, traffic)

    def _route(self, peer: tuple[str, int], under: tuple[World, Condition] | None = None) -> ChannelPath:
        scene = self.scene
        decisions = Decisions(*under) if under else scene.decisions
        source: IPv4Address | None = scene.loopback.sources().get(peer[0])
        flow = path.client_flow(decisions.world, self.system, peer[1], source)
        return decisions.path(flow, self.system)

    def _far_end(self, route: ChannelPath) -> str:
        return route.proxy.hop if route.proxy else build_role(self.system)

    def _fused(self, which: Passage, end: Leg) -> Fused | None:
        """The next hop's part, if one relay can carry for both."""
        scene, flow = self.scene, end.flow
        near = scene.near.get((flow.destination, flow.destination_port))
        if near is None or not scene.fuses or self.faults.all or scene.traffic is not None:
            return None
        ends = Addresses(flow.source, flow.source_port, flow.destination, flow.destination_port)
        return near(HopHeader(which.name, ends), (scene.loopback.of(flow.source), flow.source_port))

    def _port(self, then: Opened) -> contextlib.AbstractContextManager[None]:
        """The port that private link has for a flow; flows without a proxy need none."""
        return self.ports.held(then.proxy.hop) if then.proxy else contextlib.nullcontext()

    async def _relay(self, relay: Relay, carriage: "_Carriage") -> None:
        scene, which, then = self.scene, carriage.which, carriage.then
        flow = LiveFlow(relay, lambda: self._fate(then), number=carriage.number)
        try:
            with self.flows.held(flow), self._timer(flow, then.flow.destination_port), carriage.further(flow):
                ended = await relay.run()
        except asyncio.CancelledError:
            scene.observer(flow.noted(records.relayed(which, scene.clock, relay, Ended("emulator", "rst")), which))
            raise
        ended = passed_on("backend", ended) if carriage.fused else ended
        if flow.fate is None:
            scene.observer(flow.noted(records.relayed(which, scene.clock, relay, ended), which))
        else:
            scene.observer(flow.noted(records.fated(which, scene.clock, relay, flow.fate), which))

    def _fate(self, then: Opened) -> Fate | None:
        """What a change of the world does to an open flow."""
        world, condition = self.scene.world, self.scene.condition
        return live.of_first_segment(
            world, condition, then, lambda: path.decide(then.flow, world, condition, self.system)
        )

    def _timer(self, flow: LiveFlow, port: int) -> IdleTimer:
        def limit() -> IdleLimit | None:
            return idle_limit(self.scene.world, port, established=flow.relay.is_established)

        def expire(limit: IdleLimit) -> None:
            flow.end(Fate("rst" if limit.reset else "drop", limit.reason, limit.sentence))

        return IdleTimer(flow.relay, self.scene.clock, limit, expire)

    async def _hold(self, connection: socket.socket, which: Passage, end: Leg, why: str) -> None:
        """The balancer has no voice of its own: wait for the client to give up."""
        await until_gone(connection)
        how = records.how_gone(connection)
        record = records.closed(
            which, self.scene.clock, "client", how, reason=end.verdict.reason, why=f"held unanswered: {why}"
        )
        self.scene.observer(replace(record, approximated=True))


@contextlib.asynccontextmanager
async def entry(scene: Scene, system: System, bound: socket.socket, caveat: str = "") -> AsyncIterator[Gate]:
    """Serve clients of `system` on a bound socket; the posture follows the scene. `caveat`: see `Entry`."""
    serving = Entry(scene, system, caveat)

    def posture_now() -> None:
        serving.follow(gate)

    async with gate_at(bound, serving.posture(), serving.serve, serving.attempt, on_gone=serving.gone) as gate:
        scene.retune.append(posture_now)
        try:
            yield gate
        finally:
            scene.retune.remove(posture_now)
