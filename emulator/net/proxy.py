"""The proxy VM: accepts what the balancer sends on 60001 or 60000 and forwards it to the build VM."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

from emulator.clock import wall_time
from emulator.errors import PeerError
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.world import PROBE_SOURCE, PROXY_PORTS, System, build_role
from emulator.net import hop_header, link_header, records
from emulator.net.attempts import Attempt
from emulator.net.dark import until_left
from emulator.net.dial import DialFailure, dial
from emulator.net.gate import Gate, gate_at
from emulator.net.holding import until_gone
from emulator.net.hop_header import CutShortError
from emulator.net.live import BOTH, LiveFlow, LiveFlows
from emulator.net.records import Passage
from emulator.net.relay import Ended, Relay
from emulator.net.scene import Scene
from emulator.net.traffic import counted
from emulator.observe import How, Observation
from emulator.reason import Outcome, Verdict
from emulator.rules import flow_points, live, path, security
from emulator.rules import link_header as rules
from emulator.rules.entry import OUTSIDER, proxy_posture
from emulator.rules.legs import Leg
from emulator.rules.live import Fate
from emulator.rules.posture import Answer, Posture
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses

RESET = struct.pack("ii", 1, 0)
DIAL_AGAIN = 1.0
"""Real seconds between two tries of a build VM that is not on the network."""


class Proxy:
    """One proxy VM's listener for one operating system."""

    def __init__(self, scene: Scene, machine: Member, system: System) -> None:
        self.scene = scene
        self.machine = machine
        self.system = system
        self.port = PROXY_PORTS[system]
        self.flows = LiveFlows()

    async def serve(self, connection: socket.socket) -> None:
        """Serve one connection: a probe, or a client's."""
        try:
            peer = connection.getpeername()[:2]
        except OSError:
            return
        scene = self.scene
        if scene.loopback.exact and scene.loopback.sources().get(peer[0]) == PROBE_SOURCE:
            await self._probed(connection)
            return
        header = await self._header(connection, peer)
        if header is not None:
            port = header.addresses.source_port
            leg = path.second_leg(scene.world, scene.condition, self.system, self.machine, port)
            far_end = build_role(self.system)
            which = records.passage(self.machine.hop, leg.name, peer, leg.flow, backend=far_end, name=header.flow)
            if await self._is_introduced(connection, which):
                await self._forward(connection, which, leg)

    async def _probed(self, connection: socket.socket) -> None:
        """A health probe is a handshake and a close, with private link's header between where that is on."""
        if rules.is_read(self.scene.world):
            with contextlib.suppress(PeerError, OSError):
                await link_header.receive(connection, seconds=self.scene.clock.real(link_header.PATIENCE))

    async def _is_introduced(self, connection: socket.socket, which: Passage) -> bool:
        """Read private link's header where this machine expects one; without it the connection is closed."""
        scene = self.scene
        if not rules.is_read(scene.world):
            return True
        try:
            found = await link_header.receive(connection, seconds=scene.clock.real(link_header.PATIENCE))
        except (PeerError, OSError) as error:
            by = "client" if isinstance(error, (CutShortError, OSError)) else self.machine.hop
            verdict = rules.mismatch(scene.world)
            why = f"{error}; {verdict}" if verdict else str(error)
            reason = verdict.reason if verdict else records.PEER
            scene.observer(records.closed(which, scene.clock, by, "fin", reason=reason, why=why))
            return False
        scene.observer(records.introduced(self.machine.hop, which, *found))
        return True

    def attempt(self, attempt: Attempt) -> None:
        """A SYN was dropped, or should have been."""
        scene, peer = self.scene, (attempt.source, attempt.source_port)
        interface = scene.world.interface_of(self.machine)
        source = scene.loopback.sources().get(attempt.source, OUTSIDER)
        flow = Flow(source, attempt.source_port, interface.address, self.port)
        verdict = security.at_interface(scene.world, interface, "Inbound", flow)
        if scene.traffic is not None:
            scene.traffic.denied(flow_points.between(scene.world, None, interface, flow))
        which = records.passage(self.machine.hop, f"{source} → {self.machine.hop}", peer, flow)
        scene.observer(records.dropped(which, verdict, approximated=records.HELD if attempt.held else ""))

    def gone(self, attempt: Attempt) -> None:
        """Whoever tried gave up."""
        self.scene.observer(records.attempt_ended(self.machine.hop, attempt))

    def posture(self) -> Posture:
        """What each source's SYN meets now; where sources cannot be told apart, the header tells them."""
        scene = self.scene
        if not scene.loopback.exact:
            stopped = self.machine.hop in scene.condition.stopped
            return Posture.to_all(Answer.REFUSE if stopped else Answer.OPEN)
        return proxy_posture(scene.world, scene.condition, self.machine, self.port, scene.loopback.sources())

    def stop(self) -> None:
        """The service stops: its connections end with it."""
        for relay in self.flows.relays():
            relay.cut("fin")

    async def _header(self, connection: socket.socket, peer: tuple[str, int]) -> HopHeader | None:
        try:
            return await hop_header.receive(connection, self.scene.key)
        except (PeerError, OSError) as error:
            if self.scene.loopback.exact or "within its hop header" not in str(error):
                where = f"{peer[0]}:{peer[1]}"
                sentence = f"{self.machine.hop} closed a connection from {where}: {error}"
                seen = Observation(wall_time(), "HopHeaderRefused", self.machine.hop, sentence, {"client": where})
                self.scene.observer(seen)
            return None

    async def _forward(self, connection: socket.socket, which: Passage, leg: Leg) -> None:
        if leg.verdict.outcome is Outcome.DROPPED:
            self._log_attempt(leg)
            seconds = self.scene.clock.real(self.scene.world.switches.proxy_connect_timeout)
            left = await _left_within(connection, seconds)
            await self._give_up(connection, which, leg.verdict, left=left)
            return
        if leg.verdict.outcome is Outcome.REFUSED:
            self._log_attempt(leg)
            await self._give_up(connection, which, leg.verdict)
            return
        target, left = await self._try(connection, which, leg)
        if isinstance(target, DialFailure):
            self._log_attempt(leg)
            await self._give_up(connection, which, leg.verdict, left=left, failure=target.sentence)
            return
        with target:
            relay = Relay(connection, target, self.scene.pipes)
            with self._logged(leg, relay):
                await self._relay(relay, which, leg)
            if relay.is_dark:
                await self._wait_in_the_dark(connection)

    async def _wait_in_the_dark(self, connection: socket.socket) -> None:
        """Nobody is told that the flow is over: keep the client's connection until it leaves."""
        gone = self.scene.condition.silence_of(self.machine.hop) not in (None, "GuestFirewall")
        await (until_left(connection) if gone else until_gone(connection))

    def _log_attempt(self, leg: Leg) -> None:
        if self.scene.traffic is not None:
            self.scene.traffic.denied(flow_points.of_second_segment(self.scene.world, leg))

    def _logged(self, leg: Leg, relay: Relay) -> contextlib.AbstractContextManager[None]:
        """Write a carried flow into the flow logs, where there are any."""
        if self.scene.traffic is None:
            return contextlib.nullcontext()
        points = flow_points.of_second_segment(self.scene.world, leg)
        return self.scene.traffic.carried(points, counted(relay, "backend"))

    async def _try(
        self, connection: socket.socket, which: Passage, leg: Leg
    ) -> tuple[socket.socket | DialFailure, bool]:
        """Dial as long as the switch says and nobody answers; and whether the client left meanwhile.

        Where our own network knows at once that nobody is there, Azure's would not have said so.
        """
        loop = asyncio.get_running_loop()
        until = which.started + self.scene.clock.real(self.scene.world.switches.proxy_connect_timeout)
        while True:
            target = await self._dial(which, leg, seconds=until - loop.time())
            if not isinstance(target, DialFailure) or target.kind != "timeout":
                return target, False
            if await _left_within(connection, min(until - loop.time(), DIAL_AGAIN)):
                return target, True
            if loop.time() >= until:
                return target, False

    async def _dial(self, which: Passage, leg: Leg, *, seconds: float) -> socket.socket | DialFailure:
        scene, flow = self.scene, leg.flow
        source = scene.loopback.of(flow.source) if scene.loopback.exact else None
        where = scene.transport(flow.destination, flow.destination_port)
        target = await dial(source, where, seconds=seconds)
        if isinstance(target, DialFailure):
            return target.of(which.backend)
        if which.backend in scene.headless:
            return target
        ends = Addresses(flow.source, flow.source_port, flow.destination, flow.destination_port)
        try:
            hop_header.send(target, HopHeader(which.name, ends), scene.key)
        except OSError as error:
            target.close()
            return DialFailure("unreachable", f"{which.backend} closed at once: {error}")
        return target

    async def _give_up(
        self, connection: socket.socket, which: Passage, verdict: Verdict, *, left: bool = False, failure: str = ""
    ) -> None:
        """The second segment is dead: end the client's connection as the switch says, unless it left first."""
        switch = self.scene.world.switches.proxy_connect_failure
        if not left and switch == "hold":
            await until_gone(connection)
            left = True
        if not left and switch == "rst":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        how: How = records.how_gone(connection) if left else ("rst" if switch == "rst" else "fin")
        by, why = "client" if left else self.machine.hop, failure or verdict.sentence
        record = records.closed(which, self.scene.clock, by, how, reason=verdict.reason, why=why)
        self.scene.observer(record)

    async def _relay(self, relay: Relay, which: Passage, leg: Leg) -> None:
        clock, observer, hop = self.scene.clock, self.scene.observer, self.machine.hop
        unread = rules.mismatch(self.scene.world)
        flow = LiveFlow(relay, lambda: self._fate(leg, flow))
        try:
            with self.flows.held(flow):
                ended = await relay.run()
        except asyncio.CancelledError:
            observer(records.relayed(which, clock, relay, Ended("emulator", "rst")))
            raise
        if flow.fate is not None:
            observer(records.fated(which, clock, relay, flow.fate))
            return
        stopped = hop if hop in self.scene.condition.stopped else ""
        observer(records.relayed(which, clock, relay, ended, stopped, because=unread))

    def _fate(self, leg: Leg, flow: LiveFlow) -> Fate | None:
        """What a change of the world does to an open flow; while this machine is there, its client hears of it."""
        world, condition, port = self.scene.world, self.scene.condition, leg.flow.source_port
        build = world.member(build_role(self.system))
        fate = live.of_second_segment(
            world,
            condition,
            self.machine,
            build,
            lambda: path.second_leg(world, condition, self.system, self.machine, port),
        )
        flow.dark = BOTH if fate is not None and fate.by == self.machine.hop else ("backend",)
        return fate


async def _left_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the client leaves before the proxy gives up, `seconds` real ones from now."""
    try:
        async with asyncio.timeout(seconds):
            await until_gone(connection)
    except TimeoutError:
        return False
    return True


@contextlib.asynccontextmanager
async def proxy(scene: Scene, machine: Member, system: System, bound: socket.socket) -> AsyncIterator[Gate]:
    """Play one proxy's listener on a bound socket; the posture follows the scene."""
    serving = Proxy(scene, machine, system)

    def posture_now() -> None:
        gate.set(serving.posture())
        if machine.hop in scene.condition.stopped:
            serving.stop()
        serving.flows.judge(scene.clock)

    first = serving.posture()
    async with gate_at(bound, first, serving.serve, serving.attempt, on_gone=serving.gone) as gate:
        scene.retune.append(posture_now)
        try:
            yield gate
        finally:
            scene.retune.remove(posture_now)
