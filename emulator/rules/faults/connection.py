"""What the faults at a hop make of one connection: which act on it, from when on, and what they do to its bytes.

All times are emulated seconds on the caller's clock, and given; nothing here waits.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from emulator.rules.faults.approximated import approximation
from emulator.rules.faults.fault import WAYS, Fault, Way
from emulator.rules.faults.kinds import BurstLoss, Effect, HalfClose
from emulator.rules.faults.phases import Phases
from emulator.rules.faults.shaping import TIMING, Piece, Shaper, shaper, through

Numbered = tuple[Fault, int]
"""A fault and the number of the connection since that fault was added: 1 for the first, less for one already open."""


@dataclass(slots=True)
class _Touch:
    """A fault on its way to act on the connection, acting, or done.

    Attributes:
        given: when the connection and the fault first met.
        began: when it began to act; None while it waits for its moment.
        over: whether it acts no more.
    """

    fault: Fault
    number: int
    given: float
    began: float | None = None
    over: bool = False
    shapers: dict[Way, Shaper] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        return self.began is None and not self.over

    @property
    def acts(self) -> bool:
        return self.began is not None and not self.over

    def next_time(self, now: float) -> float | None:
        """When something about it changes by itself."""
        if self.waits:
            wait = self.fault.moment.seconds
            return None if wait is None else self.given + wait
        if self.began is None or self.over:
            return None
        times = [self.began + self.fault.lasts] if self.fault.lasts else []
        if isinstance(self.fault.effect, BurstLoss):
            times.append(_turn(self.fault.effect, self.began, now))
        return min(times, default=None)


@dataclass(slots=True)
class Change:
    """What is to be done at once, beside what became of bytes.

    Attributes:
        acts: faults that end the whole connection.
        ends: directions that end here.
        closes: faults that end a direction, here or behind bytes that wait.
        flush: whether a fault that was acting is over, so that nothing need wait for it any more.
    """

    acts: list[Fault] = field(default_factory=list)
    ends: list[Way] = field(default_factory=list)
    closes: list[Fault] = field(default_factory=list)
    flush: bool = False


class ConnectionFaults:
    """The faults of one connection at one hop.

    Attributes:
        touched: each fault that has acted, and when it began to.
    """

    def __init__(self, carried: Mapping[Way, int], *, filtered: bool, fresh: bool = True) -> None:
        """`carried`: bytes so far; `filtered`: the kernel plays packet faults; `fresh`: no byte was read before."""
        self.touched: dict[str, float] = {}
        self._touches: dict[str, _Touch] = {}
        self._filtered = filtered
        self._approximated = False
        self._fresh = fresh
        self._seen = dict(carried)
        self._phases = {way: Phases(from_client=way == "from-client") for way in WAYS}
        self._tails = dict.fromkeys(WAYS, b"")

    def set(self, faults: Sequence[Numbered], now: float) -> Change:
        """Have exactly these faults from now on."""
        self._approximated = self.approximates  # also of those that go now
        wanted = {fault.name: fault for fault, _ in faults}
        gone = [each for name, each in self._touches.items() if wanted.get(name) is not each.fault]
        for each in gone:
            del self._touches[each.fault.name]
        fresh = [_Touch(fault, number, now) for fault, number in faults if fault.name not in self._touches]
        self._touches |= {touch.fault.name: touch for touch in fresh}
        change = Change(flush=any(each.acts for each in gone))
        for touch in fresh:
            if self._is_now(touch.fault):
                self._begin(touch, now, change)
        return change

    def read(self, way: Way, data: bytes, now: float) -> tuple[list[Piece], Change]:
        """What becomes of bytes that have just been read."""
        pieces: list[Piece] = []
        change = Change()
        start = 0
        for offset, touch in self._moments(way, data):
            if touch.waits and way in touch.fault.ways:
                pieces += self._shaped(way, data[start:offset], now)
                start = offset
                pieces += self._begin_here(touch, way, now, change)
            elif touch.waits:
                self._begin(touch, now, change)
        pieces += self._shaped(way, data[start:], now)
        self._seen[way] += len(data)
        return pieces, change

    def again(self, way: Way, waiting: Iterable[Piece]) -> Iterator[Piece]:
        """What waits, each at the time that the faults which are left have it go on; these begin anew with it.

        What a fault made of the bytes stays: it is for them that they were changed.
        """
        timing: list[Shaper] = []
        for touch in self._touches.values():
            if touch.began is None or touch.over or way not in touch.shapers:
                continue
            effect = touch.fault.effect
            if isinstance(effect, TIMING) or effect.where == "packet":
                make = shaper if effect.where == "stream" else approximation
                touch.shapers[way] = make(touch.fault, touch.number, way, touch.began)
                timing.append(touch.shapers[way])
        for piece in waiting:
            came = piece.came
            yield from (piece,) if came is None else through(timing, (replace(piece, due=came),))

    def end(self, way: Way, now: float) -> Iterator[Piece]:
        """What becomes of the end of a direction."""
        return through(self._shapers(way), (Piece(now, came=now),))

    def tick(self, now: float) -> Change:
        """Let pass what time alone decides."""
        change = Change()
        for touch in self._touches.values():
            wait, lasts = touch.fault.moment.seconds, touch.fault.lasts
            if touch.waits and wait is not None and touch.given + wait <= now:
                self._begin(touch, now, change)
            elif touch.began is not None and not touch.over and lasts and touch.began + lasts <= now:
                touch.over = change.flush = True
        return change

    def next_time(self, now: float) -> float | None:
        """When `tick` has something to do next."""
        times = (touch.next_time(now) for touch in self._touches.values())
        return min((each for each in times if each is not None), default=None)

    def packets(self, way: Way, now: float) -> tuple[Effect, ...]:
        """The packet faults that the kernel has to play now on the packets of a direction."""
        if not self._filtered:
            return ()
        return tuple(
            touch.fault.effect
            for touch in self._touches.values()
            if touch.acts and touch.fault.effect.where == "packet" and way in touch.fault.ways
            if touch.began is None or not _is_between(touch.fault.effect, touch.began, now)
        )

    @property
    def approximates(self) -> bool:
        """Whether a packet fault has acted for which the kernel allows no filter."""
        return self._approximated or (
            not self._filtered
            and any(
                touch.fault.effect.where == "packet" and touch.began is not None for touch in self._touches.values()
            )
        )

    def _is_now(self, fault: Fault) -> bool:
        """Whether the moment is there already; of a connection once open, the phases are taken to be past."""
        moment = fault.moment
        if moment.size is not None:
            return any(self._seen[way] >= moment.size for way in fault.ways)
        if moment.phase is not None and moment.phase != "connect":
            return not self._fresh
        return moment.pattern is None and moment.seconds in (None, 0)

    def _begin(self, touch: _Touch, now: float, change: Change) -> None:
        """Act from now on; what that is to the whole connection goes into the change."""
        fault = touch.fault
        touch.began = now
        self.touched.setdefault(fault.name, now)
        if fault.effect.where == "end":
            change.acts.append(fault)
        elif fault.effect.where == "stream" or (fault.effect.where == "packet" and not self._filtered):
            make = shaper if fault.effect.where == "stream" else approximation
            touch.shapers = {way: make(fault, touch.number, way, now) for way in fault.ways}
        if isinstance(fault.effect, HalfClose):
            change.ends += fault.ways
            change.closes.append(fault)

    def _begin_here(self, touch: _Touch, way: Way, now: float, change: Change) -> Iterable[Piece]:
        """Likewise, between two bytes of a direction: what ends something waits its turn behind the bytes before."""
        here = Change()
        self._begin(touch, now, here)
        pieces = [Piece(now, act=fault, came=now) for fault in here.acts]
        pieces += [Piece(now, came=now)] if way in here.ends else []
        change.ends += [each for each in here.ends if each != way]
        change.closes += here.closes
        return through(self._shapers(way), pieces)

    def _shapers(self, way: Way) -> Sequence[Shaper]:
        return [each.shapers[way] for each in self._touches.values() if each.acts and way in each.shapers]

    def _shaped(self, way: Way, data: bytes, now: float) -> Iterator[Piece]:
        return through(self._shapers(way), (Piece(now, data, came=now),) if data else ())

    def _moments(self, way: Way, data: bytes) -> list[tuple[int, _Touch]]:
        """Where in these bytes a fault's moment comes, in their order."""
        waiting = [touch for touch in self._touches.values() if touch.waits]
        found = [(at, touch) for touch in waiting for at in self._places(touch.fault, way, data)]
        for phase, at in self._phases[way].feed(data):
            found += [(at, touch) for touch in waiting if touch.fault.moment.phase == phase]
        self._tails[way] = (self._tails[way] + data)[-_longest(waiting) :] if _longest(waiting) else b""
        return sorted(found, key=lambda each: each[0])

    def _places(self, fault: Fault, way: Way, data: bytes) -> Iterator[int]:
        if way not in fault.ways:
            return
        size, pattern = fault.moment.size, fault.moment.pattern
        if size is not None and self._seen[way] + len(data) >= size:
            yield max(0, size - self._seen[way])
        if pattern is not None:
            tail = self._tails[way][-(len(pattern) - 1) :] if len(pattern) > 1 else b""
            at = (tail + data).find(pattern)
            if at >= 0:
                yield max(0, at - len(tail))


def _longest(touches: Iterable[_Touch]) -> int:
    """How many bytes to keep for patterns that come in two reads."""
    return max((len(each.fault.moment.pattern or b"") - 1 for each in touches), default=0)


def _is_between(effect: Effect, began: float, now: float) -> bool:
    """Whether a burst of losses pauses."""
    if not isinstance(effect, BurstLoss):
        return False
    return (now - began) % (effect.seconds + effect.between) >= effect.seconds


def _turn(effect: BurstLoss, began: float, now: float) -> float:
    """When a burst begins or ends next."""
    cycle = effect.seconds + effect.between
    within = (now - began) % cycle
    return now - within + (effect.seconds if within < effect.seconds else cycle)
