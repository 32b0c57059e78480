"""The proxy's own connection to a build VM: tried, given up or carried, as a client of its experiences it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from emulator.model.compute import Member
from emulator.net import records
from emulator.net.dark import until_left
from emulator.net.dial import DialFailure
from emulator.net.holding import left_within, until_gone
from emulator.net.live import LiveFlow, LiveFlows
from emulator.net.pace import Pace
from emulator.net.proxy_modes import Asked
from emulator.net.reaching import reached
from emulator.net.records import Passage
from emulator.net.relay import LINGER_RST, SIDES, Ended, Relay
from emulator.net.scene import Scene
from emulator.net.traffic import counted
from emulator.observe import How
from emulator.reason import Outcome, Verdict
from emulator.rules import flow_points, live
from emulator.rules import link_header as rules
from emulator.rules.legs import Leg
from emulator.rules.live import Fate

DIAL_AGAIN = 1.0
"""Real seconds between two tries of a build VM that is not on the network."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What a proxy does for one client.

    Attributes:
        which: names it in records.
        leg: what was decided of it.
        build: the build VM at its end; None where that is something else.
        now: decides it anew.
        asked: what the client asked for and is to hear, where it names its target.
        number: of the connection at the proxy's listener.
    """

    which: Passage
    leg: Leg
    build: Member | None
    now: Callable[[], Leg]
    asked: Asked | None = None
    number: int = 0


@dataclass(slots=True)
class SecondSegment:
    """The second segments of one proxy's listener."""

    scene: Scene
    machine: Member
    flows: LiveFlows
    pace: Pace | None = None

    async def serve(self, connection: socket.socket, errand: Errand) -> None:
        """Do a client's errand, up to its end."""
        target = await self.reach(connection, errand)
        if target is not None:
            await self.carry(connection, target, errand)

    async def reach(self, connection: socket.socket, errand: Errand) -> socket.socket | None:
        """The build VM, connected; None once the client was told that it is not to be had, or left."""
        verdict = errand.leg.verdict
        if verdict.outcome is Outcome.DROPPED:
            self._log_attempt(errand)
            seconds = self.scene.clock.real(self.scene.world.switches.proxy_connect_timeout)
            left = await left_within(connection, seconds)
            await self._give_up(connection, errand, left=left)
            return None
        if verdict.outcome is Outcome.REFUSED:
            self._log_attempt(errand)
            await self._give_up(connection, errand)
            return None
        target, left = await self._try(connection, errand)
        if isinstance(target, DialFailure):
            self._log_attempt(errand)
            await self._give_up(connection, errand, left=left, failure=target)
            return None
        return target

    async def carry(self, connection: socket.socket, target: socket.socket, errand: Errand) -> None:
        """Carry bytes between a client and a build VM, to which the connection belongs, until one ends it."""
        with target:
            if errand.asked is not None:
                with contextlib.suppress(OSError):  # gone, which the relay notices
                    connection.send(errand.asked.granted)
            flow = self.flow(Relay(connection, target, self.scene.pipes, self.pace), errand)
            with self._logged(errand.leg, flow.relay):
                await self._relay(flow, errand, self.flows.held(flow))
            if flow.relay.is_dark:
                await self._wait_in_the_dark(connection, flow.fate)

    async def go_on(self, connection: socket.socket, flow: LiveFlow, errand: Errand) -> None:
        """Carry on with a flow whose bytes another hop's relay carried so far."""
        await self._relay(flow, errand, self.flows.kept(flow))
        if flow.relay.is_dark:
            await self._wait_in_the_dark(connection, flow.fate)

    def flow(self, relay: Relay, errand: Errand) -> LiveFlow:
        """An errand that is carried out, and what a change of the world does to it."""
        flow = LiveFlow(relay, lambda: self._fate(errand, flow), number=errand.number)
        return flow

    async def _wait_in_the_dark(self, connection: socket.socket, fate: Fate | None) -> None:
        """Nobody is told that the flow is over: keep the client's connection until it leaves."""
        gone = self.scene.condition.silence_of(self.machine.hop) not in (None, "GuestFirewall")
        lost = fate is not None and fate.reason.kind == "fault"
        await (until_left(connection) if gone or lost else until_gone(connection))

    def _log_attempt(self, errand: Errand) -> None:
        if self.scene.traffic is not None and errand.build is not None:
            self.scene.traffic.denied(flow_points.of_second_segment(self.scene.world, errand.leg))

    def _logged(self, leg: Leg, relay: Relay) -> contextlib.AbstractContextManager[None]:
        """Write a carried flow into the flow logs, where there are any."""
        if self.scene.traffic is None:
            return contextlib.nullcontext()
        points = flow_points.of_second_segment(self.scene.world, leg)
        return self.scene.traffic.carried(points, counted(relay, "backend"))

    async def _try(self, connection: socket.socket, errand: Errand) -> tuple[socket.socket | DialFailure, bool]:
        """Dial as long as the switch says and nobody answers; and whether the client left meanwhile.

        Where our own network knows at once that nobody is there, Azure's would not have said so.
        """
        loop = asyncio.get_running_loop()
        until = errand.which.started + self.scene.clock.real(self.scene.world.switches.proxy_connect_timeout)
        while True:
            target = await reached(self.scene, errand.which, errand.leg, seconds=until - loop.time())
            if not isinstance(target, DialFailure) or target.kind != "timeout":
                return target, False
            if await left_within(connection, min(until - loop.time(), DIAL_AGAIN)):
                return target, True
            if loop.time() >= until:
                return target, False

    async def _give_up(
        self, connection: socket.socket, errand: Errand, *, left: bool = False, failure: DialFailure | None = None
    ) -> None:
        """The second segment is dead: end the client's connection as the switch says, unless it left first."""
        switch, verdict, which = self.scene.world.switches.proxy_connect_failure, errand.leg.verdict, errand.which
        if not left and switch == "hold":
            await until_gone(connection)
            left = True
        if not left and switch == "rst":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        elif not left and errand.asked is not None:
            _tell(connection, errand.asked, verdict, failure)
        how: How = records.how_gone(connection) if left else ("rst" if switch == "rst" else "fin")
        by, why = "client" if left else self.machine.hop, failure.sentence if failure else verdict.sentence
        record = records.closed(which, self.scene.clock, by, how, reason=verdict.reason, why=why)
        self.scene.observer(record)

    async def _relay(self, flow: LiveFlow, errand: Errand, held: contextlib.AbstractContextManager[None]) -> None:
        try:
            with held:
                ended = await flow.relay.run()
        except asyncio.CancelledError:
            self.note(flow, errand, Ended("emulator", "rst"))
            raise
        self.note(flow, errand, ended)

    def note(self, flow: LiveFlow, errand: Errand, ended: Ended) -> None:
        """Write the record of a flow that is over."""
        which, clock, hop = errand.which, self.scene.clock, self.machine.hop
        if flow.fate is not None:
            record = records.fated(which, clock, flow.relay, flow.fate)
        else:
            stopped = hop if hop in self.scene.condition.stopped else ""
            unread = rules.mismatch(self.scene.world) if ended.by != "emulator" else None
            record = records.relayed(which, clock, flow.relay, ended, stopped, because=unread)
        self.scene.observer(flow.noted(record, which))

    def _fate(self, errand: Errand, flow: LiveFlow) -> Fate | None:
        """What a change of the world does to an open flow; while this machine is there, its client hears of it."""
        world, condition = self.scene.world, self.scene.condition
        fate = live.of_second_segment(world, condition, self.machine, errand.build, errand.now)
        flow.dark = SIDES if fate is not None and fate.by == self.machine.hop else ("backend",)
        return fate


def _tell(connection: socket.socket, asked: Asked, verdict: Verdict, failure: DialFailure | None) -> None:
    """The proxy's last word to a client that named its target."""
    refused = failure.kind != "timeout" if failure else verdict.outcome is Outcome.REFUSED
    with contextlib.suppress(OSError):
        connection.send(asked.refused if refused else asked.silent)
