"""The proxy VM: accepts what the balancer sends on 60001 or 60000 and forwards it to the build VM."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial

from emulator.clock import wall_time
from emulator.errors import PeerError
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.world import PROBE_SOURCE, PROXY_PORTS, System, build_role
from emulator.net import hop_header, link_header, proxy_modes, records
from emulator.net.attempts import Attempt
from emulator.net.faults import ListenerFaults
from emulator.net.fused import Fused, tcp_pair
from emulator.net.gate import Gate, gate_at
from emulator.net.hop_header import CutShortError, ProbeError
from emulator.net.late import is_kept
from emulator.net.live import LiveFlow, LiveFlows
from emulator.net.proxy_modes import Asked, Told
from emulator.net.reaching import reached_at_once
from emulator.net.records import Passage
from emulator.net.scene import Scene
from emulator.net.second_segment import Errand, SecondSegment
from emulator.observe import Observation
from emulator.rules import flow_points, security
from emulator.rules import link_header as rules
from emulator.rules.entry import OUTSIDER, proxy_posture
from emulator.rules.faults import listening
from emulator.rules.legs import Leg
from emulator.rules.posture import Answer, Posture
from emulator.rules.proxy_target import target_leg
from emulator.wire.hop import HopHeader


class Proxy:
    """One proxy VM's listener for one operating system.

    Attributes:
        gate: plays its posture, and owns its tasks.
    """

    gate: Gate

    def __init__(self, scene: Scene, machine: Member, system: System) -> None:
        self.scene = scene
        self.machine = machine
        self.system = system
        self.port = PROXY_PORTS[system]
        self._jumping: set[socket.socket] = set()
        self.faults = ListenerFaults(scene.clock, (machine.hop, build_role(system)))
        self.beyond = SecondSegment(scene, machine, LiveFlows(self.faults, scene.clock), scene.pace_of(machine.hop))

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
        if header is None:
            return
        errand = self._errand(header, peer, self.faults.next_number())
        if await is_kept(self.faults, errand.number, connection, errand.which, scene):
            return
        if not await self._is_introduced(connection, errand.which):
            return
        mode = scene.world.switches.proxy_mode
        if mode == "tcp-forward":
            await self.beyond.serve(connection, errand)
        elif mode == "ssh-jump":
            await self._jump(connection, header, peer)
        else:
            await self._told(mode, connection, errand.which, partial(self._errand, header, peer, errand.number))

    def fused(self, header: HopHeader, peer: tuple[str, int]) -> Fused | None:
        """Do a client's errand by the relay of the hop before this one; None where that has to connect to it."""
        if not self._is_plain() or self.gate.posture.answer(*peer) is not Answer.OPEN:
            return None
        errand = self._errand(header, peer, self.faults.next_number())
        if errand.build is None or not errand.leg.verdict.carried:
            return None
        target = reached_at_once(self.scene, errand.which, errand.leg)
        return None if target is None else Fused(self.beyond, errand, target, self.go_on)

    def go_on(self, connection: socket.socket, target: socket.socket, flow: LiveFlow, errand: Errand) -> None:
        """Carry on by ourselves with a flow whose bytes another hop's relay carried so far."""
        self.gate.listener.carry(self.beyond.go_on(connection, flow, errand), connection, target)

    def _is_plain(self) -> bool:
        """Whether all that is done here is to forward."""
        world = self.scene.world
        forwards = world.switches.proxy_mode == "tcp-forward" and not rules.is_read(world)
        return forwards and not self.faults.all and self.beyond.pace is None

    def _errand(self, header: HopHeader, peer: tuple[str, int], number: int, asked: Asked | None = None) -> Errand:
        """What a client wants: the build VM that this listener is for, or the target that it named."""
        port = header.addresses.source_port

        def decided() -> tuple[Leg, Member | None]:
            world, condition = self.scene.world, self.scene.condition
            if asked is not None:
                return target_leg(world, condition, self.machine, (asked.host, asked.port), port)
            leg = self.scene.decisions.second_leg(self.system, self.machine, port)
            return leg, world.member(build_role(self.system))

        leg, build = decided()
        fault = self.faults.beyond(number, build.hop) if build and leg.verdict.carried else None
        leg = replace(leg, verdict=listening.verdict(fault)) if fault else leg
        far_end = build.hop if build else asked.host if asked else build_role(self.system)
        which = records.passage(self.machine.hop, leg.name, peer, leg.flow, backend=far_end, name=header.flow)
        return Errand(which, leg, build, lambda: decided()[0], asked, number)

    async def _told(
        self, mode: Told, connection: socket.socket, which: Passage, towards: Callable[[Asked], Errand]
    ) -> None:
        """Let the client name its target, and go there."""
        seconds = self.scene.clock.real(proxy_modes.PATIENCE)
        try:
            asked = await proxy_modes.asked(mode, connection, seconds=seconds)
        except (PeerError, OSError) as error:
            by = "client" if isinstance(error, (CutShortError, OSError)) else self.machine.hop
            self.scene.observer(records.closed(which, self.scene.clock, by, "fin", why=str(error)))
            return
        await self.beyond.serve(connection, towards(asked))

    async def _jump(self, connection: socket.socket, header: HopHeader, peer: tuple[str, int]) -> None:
        """Be the SSH server that forwards to what its client names."""
        if self.scene.jump is None:
            raise AssertionError("proxy_mode is ssh-jump, and nobody plays the SSH server")
        async with asyncio.TaskGroup() as group:

            async def reached(host: str, port: int) -> socket.socket | None:
                number = self.faults.next_number()
                errand = self._errand(header, peer, number, Asked(host, port, b"", b"", b""))
                with contextlib.ExitStack() as stack:
                    near, far = (stack.enter_context(each) for each in tcp_pair())
                    target = await self.beyond.reach(far, errand)
                    if target is None:
                        return None
                    stack.pop_all()
                group.create_task(self._carry(far, target, errand))
                return near

            self._jumping.add(connection)
            try:
                await self.scene.jump(connection, reached)
            finally:
                self._jumping.discard(connection)

    async def _carry(self, far: socket.socket, target: socket.socket, errand: Errand) -> None:
        with far:
            await self.beyond.carry(far, target, errand)

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
        fault = self.faults.dropping() if verdict.carried else None
        verdict = listening.verdict(fault) if fault else verdict
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
            return self.faults.posture(Posture.to_all(Answer.REFUSE if stopped else Answer.OPEN))
        sources = scene.loopback.sources()
        posture = proxy_posture(scene.world, scene.condition, self.machine, self.port, sources)
        return self.faults.posture(posture, [place for place, azure in sources.items() if azure == PROBE_SOURCE])

    def stop(self) -> None:
        """The service stops: its connections end with it."""
        self.faults.stop()
        for relay in self.beyond.flows.relays():
            relay.cut("fin")
        for connection in self._jumping:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    async def _header(self, connection: socket.socket, peer: tuple[str, int]) -> HopHeader | None:
        try:
            return await hop_header.receive(connection, self.scene.key)
        except (PeerError, OSError) as error:
            if self.scene.loopback.exact or not isinstance(error, (CutShortError, ProbeError)):
                where = f"{peer[0]}:{peer[1]}"
                sentence = f"{self.machine.hop} closed a connection from {where}: {error}"
                seen = Observation(wall_time(), "HopHeaderRefused", self.machine.hop, sentence, {"client": where})
                self.scene.observer(seen)
            return None


@contextlib.asynccontextmanager
async def proxy(scene: Scene, machine: Member, system: System, bound: socket.socket) -> AsyncIterator[Gate]:
    """Play one proxy's listener on a bound socket; the posture follows the scene."""
    serving = Proxy(scene, machine, system)

    def posture_now() -> None:
        serving.faults.follow(scene.faults)
        gate.set(serving.posture())
        if machine.hop in scene.condition.stopped:
            serving.stop()
        serving.beyond.flows.judge()
        serving.beyond.flows.impose()

    first, place = serving.posture(), (scene.world.interface_of(machine).address, serving.port)
    async with gate_at(bound, first, serving.serve, serving.attempt, on_gone=serving.gone) as gate:
        serving.gate = gate
        scene.retune.append(posture_now)
        scene.near[place] = serving.fused
        try:
            yield gate
        finally:
            scene.retune.remove(posture_now)
            del scene.near[place]
