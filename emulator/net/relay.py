"""Carry bytes both ways between two sockets, half-closing each way in turn.

Small messages are received and sent straight on. When a read fills the buffer, that direction goes on through a
pooled pipe with splice, until it falls quiet. A direction reads only while it holds nothing: what the far side does
not take stays in the kernel, where TCP slows the sender down. There is no task in a relay: callbacks on two
descriptors, and one future.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from emulator.net.dark import darken
from emulator.net.direction import Direction
from emulator.net.pace import Pace
from emulator.net.pipes import PipePool
from emulator.net.watched import Side, Watched, segments

RESETS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN})
LINGER_RST = struct.pack("ii", 1, 0)
SIDES: tuple[Side, Side] = ("client", "backend")


@dataclass(frozen=True, slots=True)
class Ended:
    """Who ended a relayed connection, and how.

    Attributes:
        by: the side whose FIN came first; or whose error came, whatever was before; or `emulator` when it was cut.
        how: `fin` for a normal close, `rst` for a reset, `timeout` when a side fell silent (ETIMEDOUT and its kin),
            `drop` when neither side was told.
    """

    by: Literal["client", "backend", "emulator"]
    how: Literal["fin", "rst", "timeout", "drop"]


class Relay:
    """One connection between a client and a backend, by non-blocking sockets without delay that are the caller's.

    The caller closes both sockets after `run`. An end by reset or timeout is passed on: the relay sets the linger
    option, so that the caller's `close` resets the other side as well.

    Attributes:
        last_activity: loop time at which bytes last moved.
        hears: the sides whose segments say that the connection is alive.
        darkened: whether the kernel keeps both sides in the dark; false where it only hears nothing any more.
        is_over: whether it ended, or nobody carries it any more.
        loop: the event loop it runs in.
        pace: a bandwidth that it shares, if it does.
        pipes: where directions borrow pipes.
    """

    __slots__ = (
        "_ended",
        "_first",
        "_from_client",
        "_to_client",
        "darkened",
        "hears",
        "is_over",
        "last_activity",
        "loop",
        "pace",
        "pipes",
    )

    def __init__(
        self, client: socket.socket, backend: socket.socket, pipes: PipePool, pace: Pace | None = None
    ) -> None:
        self.pace = pace
        self.loop = asyncio.get_running_loop()
        self.last_activity = self.loop.time()
        self.pipes = pipes
        self.darkened = False
        self.is_over = False
        self.hears: Sequence[Side] = SIDES
        self._ended: asyncio.Future[Ended] = self.loop.create_future()
        self._first: Side | None = None
        ends = Watched("client", client, pipes.readiness), Watched("backend", backend, pipes.readiness)
        self._from_client = Direction(self, *ends)
        self._to_client = Direction(self, *reversed(ends))

    @property
    def bytes_from_client(self) -> int:
        """Bytes of the client that the backend's socket took."""
        return self._from_client.carried

    @property
    def bytes_to_client(self) -> int:
        """Bytes of the backend that the client's socket took."""
        return self._to_client.carried

    @property
    def directions(self) -> tuple[Direction, Direction]:
        """What carries the client's bytes, and what carries the backend's."""
        return self._from_client, self._to_client

    def carry_by(self, from_client: Direction, to_client: Direction) -> None:
        """Have other directions carry on; they have taken over what is in flight."""
        self._from_client, self._to_client = from_client, to_client

    def parted(self, near: socket.socket, far: socket.socket, pace: Pace | None) -> "Relay":
        """Carry between the client and `near` from here on; what is returned carries between `far` and the backend.

        `near` and `far` are the ends of one connection. Both relays have carried what this one has, and what is in
        flight goes on in its order.
        """
        up, down = self._from_client, self._to_client
        client, middle = up.source, Watched("backend", near, self.pipes.readiness)
        client.unwatch()
        down.source.unwatch()
        beyond = Relay(far, down.source.socket, self.pipes, pace)
        beyond._first, beyond.last_activity = self._first, self.last_activity
        self.hears = SIDES
        self._from_client, self._to_client = Direction(self, client, middle), Direction(self, middle, client)
        _divide(up, self._from_client, beyond._from_client)
        _divide(down, beyond._to_client, self._to_client)
        self._from_client.begin()
        self._to_client.begin()
        return beyond

    @property
    def ended(self) -> Ended | None:
        """How the connection ended, once that is known."""
        return self._ended.result() if self._ended.done() and not self._ended.cancelled() else None

    async def run(self) -> Ended:
        """Carry bytes until both sides have ended, one broke, or `cut` was called."""
        try:
            if not self._ended.done():
                self._from_client.begin()
                self._to_client.begin()
            return await self._ended
        finally:
            self.is_over = True
            self._stop()

    @property
    def is_dark(self) -> bool:
        """Whether neither side was told that it is over."""
        return self.ended is not None and self.ended.how == "drop"

    @property
    def is_established(self) -> bool:
        """Whether neither side has sent its last byte."""
        return self._first is None and not self.is_over

    def segments_in(self) -> int:
        """TCP segments that have come in, keepalives and ACKs too; 0 where the system does not say."""
        return sum(self.segments(side)[0] for side in self.hears)

    def segments(self, side: Side) -> tuple[int, int]:
        """TCP segments that a side has sent us, and we it; zeros where the system does not say."""
        return segments((self._from_client if side == "client" else self._to_client).source.socket)

    def cut(
        self, how: Literal["fin", "rst", "drop"], *, dark: Sequence[Side] = SIDES, resets: Sequence[Side] = SIDES
    ) -> None:
        """End it from outside; bytes not yet passed on are lost.

        With `drop` the sides `dark` are left in the dark; with `rst` the sides `resets` see it, the others a FIN.

        With `fin` both sides are shut down first. A side that had sent what was not read yet sees a reset after the
        FIN, when its socket is closed: so the kernel answers bytes that nobody will read.
        """
        if self._ended.done():
            return
        if how == "drop":
            ends = (self._from_client.source, self._to_client.source)
            self.darkened = darken(*(end.socket for end in ends if end.side in dark))
        self._finish(Ended("emulator", how), resets)
        for end in (self._from_client.source, self._to_client.source):
            if how == "fin" or (how == "rst" and end.side not in resets):
                end.shut()

    def half_closed(self, side: Side) -> None:
        """A side has sent its last byte; the connection ends when both have."""
        if self._first is None:
            self._first = side
        else:
            self._finish(Ended(self._first, "fin"))

    def broken(self, side: Side, error: OSError) -> None:
        """A side is gone; so is the connection."""
        self._finish(Ended(side, "rst" if error.errno in RESETS else "timeout"))

    def _finish(self, ended: Ended, resets: Sequence[Side] = SIDES) -> None:
        if self._ended.done():
            return
        self.is_over = True
        self._ended.set_result(ended)
        self._stop()
        for end in (self._from_client.source, self._to_client.source):
            if ended.how != "fin" and end.side in resets:
                end.set_option(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)

    def _stop(self) -> None:
        for direction in (self._from_client, self._to_client):
            direction.source.unwatch()
            direction.give_back()


def _divide(before: Direction, first: Direction, second: Direction) -> None:
    """Have two directions in a row go on for one: what it held is the second's to send."""
    ended, flying = before.ended, before.hand_over()
    before.ended = ended
    first.go_on_for(before, carried=before.carried + len(flying))
    second.go_on_for(before, carried=before.carried, flying=flying)
    if ended:
        first.sink.shut()
