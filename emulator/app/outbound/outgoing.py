"""One connection of a build VM's own: decided, dialled, carried, and told of."""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from emulator.app.outbound.atlas import Atlas, Place
from emulator.machines.outside.reach import Answer
from emulator.model.compute import Member
from emulator.model.flow import Flow, Protocol
from emulator.net import hop_header, records
from emulator.net.dark import until_left
from emulator.net.dial import DialFailure, dial
from emulator.net.records import Passage
from emulator.net.relay import Ended, Relay
from emulator.net.scene import Scene
from emulator.net.traffic import counted
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import flow_points, live, outgoing
from emulator.rules.condition import SERVED
from emulator.rules.legs import Leg, Path
from emulator.rules.live import Fate
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses

DIAL_PATIENCE = 120.0
"""Real seconds for a destination to answer; a guest gives up by itself, after 127 s as a rule."""
MOST_KNOWN = 4096
"""Attempts that were told of, so that a packet that comes again is not told of again."""
LOOK = 0.05
"""Real seconds between two looks whether a guest has taken the last bytes for it."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """Where a connection really goes.

    Attributes:
        place: on this machine, or on the Internet.
        source: the address to dial from; None for any.
        is_hop: whether it understands the hop header, and needs it.
        refuses: why its machine answers RST; then nothing is dialled.
        lacks: why there is nobody there; then nothing is dialled.
    """

    place: Place = ("", 0)
    source: str | None = None
    is_hop: bool = False
    refuses: str = ""
    lacks: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection that a build VM tries to open.

    Attributes:
        which: names it in records.
        path: what was decided of it.
        sequence: its first packet's number, the same when that comes again.
    """

    which: Passage
    path: Path
    sequence: int


@dataclass(slots=True)
class _Open:
    """A connection that is carried, judged anew when the world changes."""

    relay: Relay
    judge: Callable[[], Fate | None]
    fate: Fate | None = None

    def follow(self) -> None:
        """End it, if that is its fate now."""
        fate = self.judge()
        if fate is not None and not self.relay.is_over:
            self.fate = fate
            self.relay.cut(fate.how)


@dataclass(slots=True)
class Outgoing:
    """The connections that one build VM opens."""

    scene: Scene
    hop: str
    atlas: Atlas
    _known: OrderedDict[tuple[Flow, int], None] = field(default_factory=OrderedDict)

    @property
    def machine(self) -> Member | None:
        """The build VM as the world has it now."""
        return next((each for each in self.scene.world.members if each.hop == self.hop), None)

    @property
    def address(self) -> IPv4Address | None:
        """Its address in the world, whatever it is on this machine's networks."""
        machine = self.machine
        return self.scene.world.interface_of(machine).address if machine else None

    def attempt(self, flow: Flow, sequence: int) -> Attempt:
        """A connection that begins now, decided."""
        path = self.decide(flow)
        client, backend = (str(flow.source), flow.source_port), str(flow.destination)
        which = records.passage(self.hop, path.end().name, client, flow, backend=backend)
        return Attempt(which, path, sequence)

    def decide(self, flow: Flow) -> Path:
        """What becomes of a connection, as things are now."""
        machine = self.machine
        if machine is None:
            verdict = Verdict(Outcome.DROPPED, Reason("state", "", "NotLoaded"), f"the world has no {self.hop}")
            return Path((Leg(f"{self.hop} → {flow.destination}", 1, flow, verdict),))
        return outgoing.outgoing(self.scene.world, self.scene.condition, machine, flow)

    async def beyond(self, attempt: Attempt) -> Beyond:
        """Where a connection that is carried really goes."""
        flow, path = attempt.which.flow, attempt.path
        mapped = self.atlas.mapped(flow.destination, flow.destination_port)
        if mapped is not None:
            found = await self.atlas.found(mapped)
            return Beyond(found) if found else Beyond(lacks=f"{mapped[0]}:{mapped[1]} of the map is not to be had")
        arrived = path.end().flow
        member = next((each for each in self.scene.world.members if self._holds(each, arrived)), None)
        if member is not None:
            return self._at(member, arrived)
        if self.atlas.is_dialled(flow.destination):
            return Beyond((str(flow.destination), flow.destination_port))
        return Beyond(lacks=f"nobody plays {flow.destination} here; `outbound.map` says where such traffic goes")

    def _holds(self, member: Member, flow: Flow) -> bool:
        return self.scene.world.interface_of(member).holds(flow.destination)

    def _at(self, member: Member, flow: Flow) -> Beyond:
        """At a machine of the channel: its services are ours, and on every other port it answers RST."""
        if flow.destination_port not in SERVED[member.role]:
            return Beyond(refuses=f"nothing listens on port {flow.destination_port} of {member.hop}")
        where = self.scene.transport(flow.destination, flow.destination_port)
        return Beyond(where, self.scene.source(flow.source, where[0]), is_hop=member.role == "proxy")

    async def dialled(self, beyond: Beyond, attempt: Attempt) -> socket.socket | DialFailure:
        """The connection to where it really goes, or why there is none."""
        if beyond.refuses:
            return DialFailure("refused", beyond.refuses)
        target = await dial(beyond.source, beyond.place, seconds=DIAL_PATIENCE)
        if isinstance(target, socket.socket) and beyond.is_hop:
            which, flow = attempt.which, attempt.which.flow
            ends = Addresses(flow.source, flow.source_port, flow.destination, flow.destination_port)
            try:
                hop_header.send(target, HopHeader(which.name, ends), self.scene.key)
            except OSError as error:
                target.close()
                return DialFailure("unreachable", f"{which.to} closed at once: {error}")
        return target

    def drop(self, attempt: Attempt, *, why: str = "", approximated: str = "") -> None:
        """Tell of an attempt that gets no answer, once for all its packets."""
        which, known = attempt.which, (attempt.which.flow, attempt.sequence)
        if known in self._known:
            return
        self._known[known] = None
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        self.log(attempt)
        verdict = attempt.path.end().verdict
        if why:
            verdict = Verdict(Outcome.DROPPED, records.PEER, why)
        self.scene.observer(records.dropped(which, verdict, approximated=approximated))

    def refuse(self, attempt: Attempt, why: str) -> None:
        """Tell of an attempt that is answered with RST."""
        self.log(attempt)
        which, verdict = attempt.which, attempt.path.end().verdict
        reason = records.PEER if verdict.carried else verdict.reason
        self.scene.observer(records.closed(which, self.scene.clock, which.backend, "rst", reason=reason, why=why))

    async def tested(self, attempt: Attempt) -> Answer:
        """How a connection goes that is closed once it is there; told of as any other is."""
        verdict, which = attempt.path.end().verdict, attempt.which
        if verdict.outcome is Outcome.REFUSED:
            self.refuse(attempt, verdict.sentence)
            return "refused"
        if not verdict.carried:
            self.drop(attempt)
            return "silent"
        beyond = await self.beyond(attempt)
        if beyond.lacks:
            self.drop(attempt, why=f"{verdict.sentence}, but {beyond.lacks}", approximated="nothing is dialled")
            return "silent"
        target = await self.dialled(beyond, attempt)
        if isinstance(target, DialFailure):
            if target.kind != "refused":
                self.drop(attempt, why=target.sentence)
                return "silent"
            self.refuse(attempt, target.sentence)
            return "refused"
        target.close()
        self.log(attempt)
        self.scene.observer(records.closed(which, self.scene.clock, "client", "fin"))
        return "connected"

    async def carry(self, guest: socket.socket, target: socket.socket, attempt: Attempt) -> None:
        """Carry bytes between a guest and its destination until one ends it; then the guest has all of them."""
        which = attempt.which
        with guest, target:
            relay = Relay(guest, target, self.scene.pipes)
            opened = _Open(relay, lambda: live.of_outgoing(self.scene.world, lambda: self.decide(which.flow)))
            self.scene.retune.append(opened.follow)
            try:
                with self._logged(attempt, relay):
                    ended = await relay.run()
            except asyncio.CancelledError:
                ended = Ended("emulator", "rst")
                self.scene.observer(records.relayed(which, self.scene.clock, relay, ended))
                raise
            finally:
                self.scene.retune.remove(opened.follow)
            self._tell(which, relay, ended, opened.fate)
            await (until_left(guest) if relay.is_dark else drained(guest))

    def _tell(self, which: Passage, relay: Relay, ended: Ended, fate: Fate | None) -> None:
        clock = self.scene.clock
        record = records.fated(which, clock, relay, fate) if fate else records.relayed(which, clock, relay, ended)
        self.scene.observer(record)

    def log(self, attempt: Attempt) -> None:
        """Write an attempt that came to nothing into the flow logs, where there are any."""
        if self.scene.traffic is not None and attempt.which.flow.protocol is Protocol.TCP:
            self.scene.traffic.denied(self._points(attempt))

    def _logged(self, attempt: Attempt, relay: Relay) -> contextlib.AbstractContextManager[None]:
        if self.scene.traffic is None:
            return contextlib.nullcontext()
        return self.scene.traffic.carried(tuple(self._points(attempt)), counted(relay, "client"))

    def _points(self, attempt: Attempt) -> Iterator[flow_points.Point]:
        """Where Azure logs it: at the build VM's interface, and at the machine that it reaches, if it is loaded."""
        path, flow = attempt.path, attempt.which.flow
        machine = self.machine
        if machine is None or path.end().verdict.reason.name == "NotLoaded":
            return
        world, last = self.scene.world, path.end()
        yield from flow_points.between(world, world.interface_of(machine), None, flow)
        reached = next((each for each in world.members if self._holds(each, last.flow)), None)
        if reached is not None and (last.verdict.carried or last.verdict.direction == "Inbound"):
            yield from flow_points.between(world, None, world.interface_of(reached), last.flow)


async def drained(connection: socket.socket) -> None:
    """Wait until the other end has acknowledged all that was sent to it, or is gone."""
    with contextlib.suppress(OSError):
        # The kernel tells nobody when its buffer has emptied.
        while _unacknowledged(connection) and not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):  # noqa: ASYNC110
            await asyncio.sleep(LOOK)


def _unacknowledged(connection: socket.socket) -> int:
    held: int = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
    return held
