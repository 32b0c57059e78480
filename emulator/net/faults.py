"""Faults on running connections and listeners: brought to their sockets, their relays and their timers."""

import asyncio
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from emulator.clock import Clock
from emulator.net import filters
from emulator.net.faulty import FaultyDirection, plain
from emulator.net.packets import compile_packets
from emulator.net.relay import Relay
from emulator.net.watched import Side
from emulator.reason import Reason
from emulator.rules.faults import listening
from emulator.rules.faults.connection import Change, ConnectionFaults, Numbered
from emulator.rules.faults.fault import WAYS, Fault, Moment, Way
from emulator.rules.faults.kinds import Close, Mute, Reset, SlowAccept, Stall
from emulator.rules.faults.listening import Laid
from emulator.rules.faults.shaping import Piece
from emulator.rules.live import Fate
from emulator.rules.posture import Answer, Posture, Spread

End = Callable[[Fate, Sequence[Side]], None]
"""Ends a connection so; the sides are those that are reset."""
Blame = Callable[[Fate], None]
"""Notes why a connection ends that still goes on one way."""
LATE = (Mute, SlowAccept)
"""What keeps an accepted connection waiting; once it is served, it is noted alone."""
BYTES = ("stream", "packet", "end", "linux", "windows")
"""Where a fault works that touches an open connection; what a build VM plays itself is noted alone."""


class FaultyFlow:
    """The faults of one relayed connection.

    Attributes:
        clock: its times.
        on: what they make of it.
    """

    __slots__ = ("_blame", "_directions", "_end", "_programs", "_relay", "_timer", "_wanted", "clock", "on")

    def __init__(self, relay: Relay, clock: Clock, end: End, blame: Blame, *, fresh: bool) -> None:
        self._relay = relay
        self.clock = clock
        self._end = end
        self._blame = blame
        self._timer: asyncio.TimerHandle | None = None
        self._programs: dict[Way, bytes | None] = dict.fromkeys(WAYS, None)
        self._wanted = False
        self._directions: dict[Way, FaultyDirection] = {}
        self.on = self._observed(fresh=fresh)
        self._take_over(begin=not fresh)

    def set(self, faults: Sequence[Numbered]) -> None:
        """Have exactly these faults from now on."""
        self._wanted = bool(faults)
        if faults and not self._directions:
            self.on = self._observed(fresh=False, touched=self.on.touched)
            self._take_over(begin=True)
        self._apply(self.on.set(faults, self.clock.now()))
        self.drained()

    def read(self, way: Way, data: bytes) -> Iterable[Piece]:
        """What becomes of bytes that have just been read."""
        pieces, change = self.on.read(way, data, self.clock.now())
        self._apply(change)
        return pieces

    def again(self, way: Way, waiting: Iterable[Piece]) -> Iterable[Piece]:
        """What waits, as the faults that are left have it."""
        return self.on.again(way, waiting)

    def end(self, way: Way) -> Iterable[Piece]:
        """What becomes of the end of a direction."""
        return self.on.end(way, self.clock.now())

    def act(self, fault: Fault) -> None:
        """A fault ends the connection now."""
        effect = fault.effect
        sides: Sequence[Side] = ("client", "backend")
        if isinstance(effect, Reset) and effect.side != "both":
            sides = (effect.side,)
        how: Literal["rst", "fin", "drop"] = "drop"
        if isinstance(effect, (Reset, Close)):
            how = "rst" if isinstance(effect, Reset) else "fin"
        self._end(_fate(fault, how), sides)

    def close(self) -> None:
        """The connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def drained(self) -> None:
        """Have plain directions carry on, if no fault is left and nothing waits any more."""
        directions = self._directions
        if self._wanted or self._relay.is_over or not all(each.is_idle for each in directions.values()):
            return
        self._directions = {}
        if directions:
            after = [plain(directions[way]) for way in WAYS]
            self._relay.carry_by(*after)
            for each in after:
                each.begin()

    def _observed(self, *, fresh: bool, touched: Mapping[str, float] | None = None) -> ConnectionFaults:
        carried: dict[Way, int] = {
            "from-client": self._relay.bytes_from_client,
            "to-client": self._relay.bytes_to_client,
        }
        found = ConnectionFaults(carried, filtered=filters.supported() is None, fresh=fresh)
        found.touched |= touched or {}
        return found

    def _take_over(self, *, begin: bool) -> None:
        before = dict(zip(WAYS, self._relay.directions, strict=True))
        self._directions = {way: FaultyDirection(before[way], way, self.clock, self) for way in WAYS}
        self._relay.carry_by(*(self._directions[way] for way in WAYS))
        for each in self._directions.values() if begin else ():
            each.begin()

    def _apply(self, change: Change) -> None:
        for fault in change.acts:
            self.act(fault)
        for fault in change.closes:
            if self._relay.is_established:
                self._blame(_fate(fault, "fin"))
        for way in change.ends:
            self._directions[way].finish()
        if change.flush:
            for direction in self._directions.values():
                direction.flush()
        if not self._relay.is_over:
            self._filter()
            self._wake()

    def _filter(self) -> None:
        """Have the kernel lose what packet faults lose now."""
        now = self.clock.now()
        for way, direction in zip(WAYS, self._relay.directions, strict=True):
            program = compile_packets(self.on.packets(way, now))
            if program == self._programs[way]:
                continue
            self._programs[way] = program
            if program is None:
                filters.detach(direction.source.socket)
            else:
                filters.attach(direction.source.socket, program)

    def _wake(self) -> None:
        self.close()
        now = self.clock.now()
        due = self.on.next_time(now)
        if due is not None:
            self._timer = self._relay.loop.call_later(self.clock.real(max(0.0, due - now)), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._apply(self.on.tick(self.clock.now()))


def _fate(fault: Fault, how: Literal["rst", "fin", "drop"]) -> Fate:
    sentence = f"fault {fault.name} ({fault.effect.kind})"
    return Fate(how, Reason("fault", "", fault.name), sentence, by=fault.hop)


class ListenerFaults:
    """The faults of one listener: those of the hop it is, and those of the build VM that it dials.

    Attributes:
        all: the faults that concern it, and since when.
    """

    def __init__(self, clock: Clock, hops: Sequence[str], *, shares: bool = False) -> None:
        """`hops`: its own name first; `shares`: whether the kernel may draw the attempts that a share is for.

        It cannot while it already draws a proxy by the balancer's own hash.
        """
        self.all: Sequence[Laid] = ()
        self._clock = clock
        self._hops = hops
        self._shares = self._draws = shares
        self._count = 0
        self._before: dict[Laid, int] = {}
        self._removed: dict[Fault, asyncio.Event] = {}

    def follow(self, faults: Iterable[Laid]) -> None:
        """Take the faults that there are now."""
        self.all = [each for each in faults if each.fault.hop in self._hops]
        there = {each.fault for each in self.all}
        for fault in [each for each in self._removed if each not in there]:
            self._removed.pop(fault).set()
        self._before = {each: self._before.get(each, self._count) for each in self.all}

    def next_number(self) -> int:
        """The number of a new connection, from 1."""
        self._count += 1
        return self._count

    def on_connection(self, number: int) -> Sequence[Numbered]:
        """The faults that act on the bytes of a connection, with its number since each was added."""
        numbered = ((self._on_bytes(each.fault), number - self._before[each]) for each in self.all)
        return [each for each in numbered if _touches_bytes(each[0]) and each[0].touches(each[1])]

    def _on_bytes(self, fault: Fault) -> Fault:
        """A build VM's listener that does not serve looks from here like a connection on which nothing passes."""
        if fault.hop == self._hops[0] or not isinstance(fault.effect, LATE):
            return fault
        seconds = fault.effect.seconds if isinstance(fault.effect, SlowAccept) else 0.0
        return replace(fault, effect=Stall(seconds=seconds), direction="both", moment=Moment())

    def posture(self, posture: Posture, spared: Container[str] = ()) -> Posture:
        """A posture under them, but for what the sources in `spared` meet."""
        spreads = any(isinstance(each.answer, Spread) for each in posture.classes)
        self._draws = self._shares and not spreads
        return listening.laid_over(posture, self._here, self._clock.now(), spared, shares=self._draws)

    def at_accept(self, number: int) -> Fault | None:
        """What keeps an accepted connection from being served."""
        if not self.all:
            return None
        now = self._clock.now()
        kept = (
            listening.at_accept([each], number - self._before[each], now, shares=not self._draws)
            for each in self._here
        )
        return next((fault for fault in kept if fault is not None), None)

    def removed(self, fault: Fault) -> asyncio.Event:
        """Set once this fault is there no more."""
        return self._removed.setdefault(fault, asyncio.Event())

    def stop(self) -> None:
        """The listener's machine serves no more: what waits for it need not."""
        for event in self._removed.values():
            event.set()
        self._removed.clear()

    def dropping(self) -> Fault | None:
        """What lets attempts fall here now."""
        now = self._clock.now()
        return next((each.fault for each in self._here if each.answer(now) is Answer.DROP), None)

    def beyond(self, number: int, hop: str) -> Fault | None:
        """What lets this connection to a build VM fail, though not every one."""
        if not self.all:
            return None
        now = self._clock.now()
        for each in self.all:
            alone = each.fault.hop == hop and not each.is_for_all and each.answer(now) is not None
            if alone and each.fault.touches(number - self._before[each]):
                return each.fault
        return None

    @property
    def _here(self) -> Sequence[Laid]:
        return [each for each in self.all if each.fault.hop == self._hops[0] and each.fault.effect.where == "accept"]


def _touches_bytes(fault: Fault) -> bool:
    return fault.effect.where in BYTES or isinstance(fault.effect, LATE)
