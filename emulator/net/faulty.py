"""A direction of a relay whose bytes faults have their way with: each piece goes on when it is due, in order.

It takes the place of a plain direction only while a fault acts or waits on the connection, and takes over what is in
flight; when the last fault is gone and nothing waits any more, a plain one carries on.
"""

import asyncio
import errno
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from emulator.clock import Clock
from emulator.net.direction import Direction
from emulator.rules.faults.fault import Fault, Way
from emulator.rules.faults.shaping import NEVER, Piece

MOST_HELD = 1 << 18
"""Bytes that wait in a direction; with more it reads no more, so that TCP slows the sender down."""
LATER = (errno.EAGAIN, errno.EINTR)


class Faults(Protocol):
    """The faults of a connection, to one of its directions."""

    def read(self, way: Way, data: bytes) -> Iterable[Piece]:
        """What becomes of bytes that have just been read."""

    def end(self, way: Way) -> Iterable[Piece]:
        """What becomes of the end of a direction."""

    def again(self, way: Way, waiting: Iterable[Piece]) -> Iterable[Piece]:
        """What waits, as the faults that are left have it."""

    def act(self, fault: Fault) -> None:
        """A fault ends the connection now."""

    def drained(self) -> None:
        """Nothing waits here any more."""


class FaultyDirection(Direction):
    """Carries on for a plain direction, under faults."""

    __slots__ = ("_clock", "_faults", "_held", "_queue", "_read_all", "_timer", "_way")

    def __init__(self, before: Direction, way: Way, clock: Clock, faults: Faults) -> None:
        super().__init__(before.relay, before.source, before.sink)
        self.carried = before.carried
        self.ended = self._read_all = before.ended
        self._way = way
        self._clock = clock
        self._faults = faults
        self._timer: asyncio.TimerHandle | None = None
        flying = before.hand_over()
        self._held = len(flying)
        self._queue: deque[Piece] = deque([Piece(0.0, flying)] if flying else [])

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits here."""
        return not self._queue

    def begin(self) -> None:
        """Read whenever there is something to read, and send what waits."""
        if not self.ended:
            self.sink.watch_write(self.write if self._queue else None)
            self._read_on()

    def read(self) -> None:
        """The source has bytes, its end, or an error."""
        if self.ended or self._read_all or self._held >= MOST_HELD or self.relay.is_over:
            return
        if self.relay.pace is not None and self._must_wait(self.relay.pace):
            return
        self.relay.last_activity = self.relay.loop.time()
        room = self._readiness.batch.room
        try:
            count = self.source.socket.recv_into(room)
        except OSError as error:
            if error.errno not in LATER:
                self.relay.broken(self.source.side, error)
            return
        if count:
            self._add(self._faults.read(self._way, bytes(room[:count])))
        else:
            self._read_all = True
            self.source.watch_read(None)
            self.finish()

    def finish(self) -> None:
        """The direction ends behind what waits: the source has sent its last byte, or a fault says so."""
        self._add(self._faults.end(self._way))

    def write(self) -> None:
        """The sink takes bytes, or something is due."""
        if self.ended or self.relay.is_over:
            return
        now = self._clock.now()
        while self._queue and self._queue[0].due <= now and not self.relay.is_over:
            if not self._pass(self._queue[0]):
                break
        if self.relay.is_over:
            return
        blocked = bool(self._queue) and self._queue[0].due <= now
        self._read_on()
        self.sink.watch_write(self.write if blocked else None)
        self._wake(NEVER if blocked or not self._queue else self._queue[0].due - now)
        if not self._queue:
            self._faults.drained()

    def flush(self) -> None:
        """A fault is over: nothing that waits need wait for it any longer."""
        self._queue = deque(self._faults.again(self._way, self._queue))
        self.write()

    def give_back(self) -> None:
        """The connection is over, or another direction carries on."""
        super().give_back()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def hand_over(self) -> bytes:
        """Carry no more: the bytes that wait, for who carries on."""
        flying = b"".join(piece.data for piece in self._queue)
        self._queue.clear()
        self.give_back()
        self.ended = True
        return flying

    def _add(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            self._queue.append(piece)
            self._held += len(piece.data)
        self.write()

    def _pass(self, piece: Piece) -> bool:
        """Pass on what is due; false when the sink takes no more."""
        if piece.data and not self._send_some(piece):
            return False
        if self._queue and self._queue[0] is piece:
            self._queue.popleft()
        if piece.act is not None:
            self._faults.act(piece.act)
        elif piece.is_end and not self.ended:
            self._read_all = True
            self._pass_end()
        return True

    def _send_some(self, piece: Piece) -> bool:
        """Whether the sink took all of a piece; else the rest stays first in line."""
        self._pending = piece.data
        took_all = self._send()
        rest, self._pending = bytes(self._pending), b""
        self._held -= len(piece.data) - len(rest)
        if not took_all and rest:
            self._queue[0] = replace(piece, data=rest)
        return took_all

    def _resume(self) -> None:
        if not self.relay.is_over and not self.ended:
            self._read_on()

    def _read_on(self) -> None:
        """Read while there is room for more."""
        reads = not self._read_all and self._held < MOST_HELD
        self.source.watch_read(self.read if reads else None)

    def _wake(self, seconds: float) -> None:
        """Go on when the first in line is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds < NEVER:
            self._timer = self.relay.loop.call_later(self._clock.real(seconds), self.write)


def plain(before: FaultyDirection) -> Direction:
    """A direction without faults that carries on for one in which nothing waits any more."""
    after = Direction(before.relay, before.source, before.sink)
    after.carried, after.ended = before.carried, before.ended
    before.hand_over()
    return after
