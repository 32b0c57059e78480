"""What the faults of a stream make of its bytes: pieces, each with the time at which it may go on.

A shaper is one effect on one direction of one connection. It is given pieces in order and passes pieces on in order;
none of them knows a clock, and all draws hang on the bytes' offsets, so the same bytes always fare the same, however
they were read.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from emulator.rules.faults.fault import Fault, Way, draw
from emulator.rules.faults.kinds import Corrupt, Delay, Effect, HalfClose, Rate, Slice, SlowClose, Stall, Truncate

SEGMENT = 1448
"""Bytes that one draw of a delay's jitter is for: what an Ethernet segment carries."""
SMOOTH = 0.02
"""Seconds that one piece of a rate takes at least, so that a rate is no staircase and no storm of timers."""
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes on their way, or what ends them.

    Attributes:
        due: when they may go on; seconds on whatever clock the caller has.
        data: the bytes; empty for the end of the stream and for an act.
        act: a fault whose effect on the whole connection is to take place here.
        came: when they came; those that were in flight when the first fault came have no time, and are left alone.
    """

    due: float
    data: bytes = b""
    act: Fault | None = None
    came: float | None = None

    @property
    def is_end(self) -> bool:
        """Whether this is the end of the stream."""
        return not self.data and self.act is None


class Shaper(Protocol):
    """One effect at work."""

    def shape(self, piece: Piece) -> Iterable[Piece]:
        """What becomes of a piece."""


class _Delay:
    def __init__(self, effect: Delay, chance: Callable[[int], float]) -> None:
        self._effect = effect
        self._chance = chance
        self._offset = 0
        self._last = 0.0

    def shape(self, piece: Piece) -> Iterator[Piece]:
        for part in split(piece, SEGMENT, self._offset) if self._effect.jitter else (piece,):
            spread = self._effect.jitter * (2 * self._chance(self._offset // SEGMENT) - 1)
            self._offset += len(part.data)
            self._last = max(self._last, part.due + max(0.0, self._effect.seconds + spread))
            yield replace(part, due=self._last)


class _Rate:
    def __init__(self, effect: Rate) -> None:
        self._per_second = effect.kilobytes_per_second * 1000
        self._size = max(1, int(self._per_second * SMOOTH))
        self._free = 0.0

    def shape(self, piece: Piece) -> Iterator[Piece]:
        for part in split(piece, self._size):
            self._free = max(self._free, part.due) + len(part.data) / self._per_second
            yield replace(part, due=self._free)


class _Slice:
    def __init__(self, effect: Slice) -> None:
        self._effect = effect
        self._next = 0.0

    def shape(self, piece: Piece) -> Iterator[Piece]:
        for part in split(piece, self._effect.size):
            due = max(part.due, self._next)
            if part.data:
                self._next = due + self._effect.seconds
            yield replace(part, due=due)


class _Stall:
    def __init__(self, effect: Stall, began: float) -> None:
        self._until = began + effect.seconds if effect.seconds else NEVER

    def shape(self, piece: Piece) -> Iterator[Piece]:
        yield replace(piece, due=max(piece.due, self._until))


class _SlowClose:
    def __init__(self, effect: SlowClose) -> None:
        self._seconds = effect.seconds

    def shape(self, piece: Piece) -> Iterator[Piece]:
        yield replace(piece, due=piece.due + self._seconds) if piece.is_end else piece


class _Corrupt:
    """Which bits turn hangs on the bytes' offsets alone."""

    def __init__(self, effect: Corrupt, chance: Callable[[int], float]) -> None:
        self._every = effect.every
        self._chance = chance
        self._offset = 0
        self._turned = 0
        self._next = self._gap()

    def _gap(self) -> int:
        self._turned += 1
        return int(self._chance(2 * self._turned) * (2 * self._every - 1))

    def shape(self, piece: Piece) -> Iterator[Piece]:
        data = bytearray(piece.data)
        while self._next < self._offset + len(data):
            data[self._next - self._offset] ^= 1 << int(self._chance(2 * self._turned + 1) * 8)
            self._next += 1 + self._gap()
        self._offset += len(data)
        yield replace(piece, data=bytes(data))


class _Truncate:
    def shape(self, piece: Piece) -> Iterator[Piece]:
        if not piece.data:
            yield piece


class _HalfClose:
    """The first it sees is the end, and nothing comes after an end."""

    def __init__(self, began: float) -> None:
        self._due: float | None = began

    def shape(self, piece: Piece) -> Iterator[Piece]:
        if self._due is not None:
            yield Piece(max(self._due, piece.due), came=piece.came)
        self._due = None
        if piece.act is not None:
            yield piece


TIMING: tuple[type[Effect], ...] = (Delay, Rate, Slice, Stall, SlowClose)
"""What only says when bytes go on."""
Chance = Callable[[int], float]
"""A draw for each index."""
MAKERS: dict[type[Effect], Callable[[Any, Chance, float], Shaper]] = {
    Delay: lambda effect, chance, _: _Delay(effect, chance),
    Rate: lambda effect, *_: _Rate(effect),
    Slice: lambda effect, *_: _Slice(effect),
    Stall: lambda effect, _, began: _Stall(effect, began),
    SlowClose: lambda effect, *_: _SlowClose(effect),
    Corrupt: lambda effect, chance, _: _Corrupt(effect, chance),
    Truncate: lambda *_: _Truncate(),
    HalfClose: lambda _effect, _chance, began: _HalfClose(began),
}


def shaper(fault: Fault, number: int, way: Way, began: float) -> Shaper:
    """A fault's effect on one direction of the hop's connection of this number, from a time on.

    Raises:
        TypeError: the effect is none on a stream.
    """
    effect = fault.effect

    def chance(index: int) -> float:
        return draw(fault.seed, fault.name, number, way, index)

    if type(effect) not in MAKERS:
        raise TypeError(f"{effect.kind} does nothing to a stream")
    return MAKERS[type(effect)](effect, chance, began)


def through(shapers: Sequence[Shaper], pieces: Iterable[Piece]) -> Iterator[Piece]:
    """What is left of pieces after all of the shapers, in their order."""
    if not shapers:
        yield from pieces
        return
    for piece in pieces:
        yield from through(shapers[1:], shapers[0].shape(piece))


def split(piece: Piece, size: int, offset: int = 0) -> Iterator[Piece]:
    """A piece in parts of at most `size` bytes, cut where the stream's own offsets are multiples of it."""
    if not piece.data:
        yield piece
        return
    start = 0
    while start < len(piece.data):
        stop = start + size - (offset + start) % size
        yield replace(piece, data=piece.data[start:stop])
        start = stop
