"""Carry bytes both ways between two sockets, half-closing each way in turn.

Small messages are received and sent straight on. When a read fills the buffer, that direction goes on through a
pooled pipe with splice, until it falls quiet. A direction reads only while it holds nothing: what the far side does
not take stays in the kernel, where TCP slows the sender down. There is no task in a relay: callbacks on two
descriptors, and one future.
"""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from emulator.net.dark import darken
from emulator.net.pipes import Pipe, PipePool
from emulator.net.watched import Side, Watched, segments

RESETS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN})
LINGER_RST = struct.pack("ii", 1, 0)
BURST_ROUNDS = 4
"""How many pipes full one callback moves before other connections have their turn."""
QUIET_BYTES = 1 << 16
"""A burst of less ends the use of pipes for its direction."""
SPLICE_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)


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
    """One connection between a client and a backend, whose sockets are non-blocking and belong to the caller.

    The caller closes both sockets after `run`. An end by reset or timeout is passed on: the relay sets the linger
    option, so that the caller's `close` resets the other side as well.

    Attributes:
        last_activity: loop time at which bytes last moved.
        darkened: whether the kernel keeps both sides in the dark; false where it only hears nothing any more.
        loop: the event loop it runs in.
        pipes: where directions borrow pipes.
    """

    __slots__ = ("_ended", "_first", "_from_client", "_to_client", "darkened", "last_activity", "loop", "pipes")

    def __init__(self, client: socket.socket, backend: socket.socket, pipes: PipePool) -> None:
        self.loop = asyncio.get_running_loop()
        self.last_activity = self.loop.time()
        self.pipes = pipes
        self.darkened = False
        self._ended: asyncio.Future[Ended] = self.loop.create_future()
        self._first: Side | None = None
        ends = Watched("client", client), Watched("backend", backend)
        self._from_client = _Direction(self, *ends)
        self._to_client = _Direction(self, *reversed(ends))
        for end in ends:
            end.socket.setblocking(False)
            end.set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def bytes_from_client(self) -> int:
        """Bytes of the client that the backend's socket took."""
        return self._from_client.carried

    @property
    def bytes_to_client(self) -> int:
        """Bytes of the backend that the client's socket took."""
        return self._to_client.carried

    @property
    def is_over(self) -> bool:
        """Whether it is known how the connection ended."""
        return self._ended.done()

    async def run(self) -> Ended:
        """Carry bytes until both sides have ended, one broke, or `cut` was called."""
        try:
            if not self._ended.done():
                self._from_client.source.watch_read(self.loop, self._from_client.read)
                self._to_client.source.watch_read(self.loop, self._to_client.read)
            return await self._ended
        finally:
            self._stop()

    @property
    def is_dark(self) -> bool:
        """Whether neither side was told that it is over."""
        return self.is_over and self._ended.result().how == "drop"

    @property
    def is_established(self) -> bool:
        """Whether neither side has sent its last byte."""
        return self._first is None and not self.is_over

    def segments_in(self) -> int:
        """TCP segments that both sides have sent us, keepalives and ACKs too; 0 where the system does not say."""
        return self.segments("client")[0] + self.segments("backend")[0]

    def segments(self, side: Side) -> tuple[int, int]:
        """TCP segments that a side has sent us, and we it; zeros where the system does not say."""
        return segments((self._from_client if side == "client" else self._to_client).source.socket)

    def cut(self, how: Literal["fin", "rst", "drop"], *, dark: Sequence[Side] = ("client", "backend")) -> None:
        """End it from outside; bytes not yet passed on are lost. With `drop` the sides `dark` are left in the dark.

        With `fin` both sides are shut down first. A side that had sent what was not read yet sees a reset after the
        FIN, when its socket is closed: so the kernel answers bytes that nobody will read.
        """
        if self._ended.done():
            return
        if how == "drop":
            ends = (self._from_client.source, self._to_client.source)
            self.darkened = darken(*(end.socket for end in ends if end.side in dark))
        self._finish(Ended("emulator", how))
        if how == "fin":
            self._from_client.source.shut()
            self._to_client.source.shut()

    def half_closed(self, side: Side) -> None:
        """A side has sent its last byte; the connection ends when both have."""
        if self._first is None:
            self._first = side
        else:
            self._finish(Ended(self._first, "fin"))

    def broken(self, side: Side, error: OSError) -> None:
        """A side is gone; so is the connection."""
        self._finish(Ended(side, "rst" if error.errno in RESETS else "timeout"))

    def _finish(self, ended: Ended) -> None:
        if self._ended.done():
            return
        self._ended.set_result(ended)
        self._stop()
        if ended.how != "fin":
            self._from_client.source.set_option(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
            self._to_client.source.set_option(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)

    def _stop(self) -> None:
        for direction in (self._from_client, self._to_client):
            direction.source.unwatch(self.loop)
            direction.give_back()


class _Direction:
    """Bytes from one end to the other. It reads only while it holds none."""

    __slots__ = ("_bulk", "_error", "_pending", "_pipe", "_relay", "carried", "sink", "source")

    def __init__(self, relay: Relay, source: Watched, sink: Watched) -> None:
        self._relay = relay
        self.source = source
        self.sink = sink
        self.carried = 0
        self._error: OSError | None = None
        self._pending = b""
        self._pipe: Pipe | None = None
        self._bulk = False

    def read(self) -> None:
        """The source has bytes, its end, or an error."""
        if self._pending or self._pipe is not None or self._relay.is_over:
            return  # called once more than the loop needed
        self._relay.last_activity = self._relay.loop.time()
        self._pipe = self._relay.pipes.take() if self._bulk else None
        if self._pipe is None:
            self._receive()
        else:
            self._pour(self._pipe)

    def write(self) -> None:
        """The sink takes bytes again."""
        self._relay.last_activity = self._relay.loop.time()
        empty = self._drain(self._pipe) if self._pipe is not None else self._send(self._pending)
        if empty:
            self.give_back()
            self.source.watch_read(self._relay.loop, self.read)
            self.sink.watch_write(self._relay.loop, None)

    def give_back(self) -> None:
        """Return a borrowed pipe."""
        if self._pipe is not None:
            self._relay.pipes.give(self._pipe)
            self._pipe = None

    def _receive(self) -> None:
        scratch = self._relay.pipes.scratch
        try:
            count = self.source.socket.recv_into(scratch)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._relay.broken(self.source.side, error)
            return
        self._bulk = count == len(scratch)
        if not count:
            self._end()
        elif self._send(scratch[:count]):
            self._look_behind()
        else:
            self._wait()

    def _send(self, data: bytes | memoryview) -> bool:
        """Whether the sink took all of it; the rest is kept."""
        try:
            count = self.sink.socket.send(data)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as error:
            self._relay.broken(self.sink.side, error)
            return False
        self.carried += count
        if count == len(data):
            self._pending = b""
            return True
        self._pending = bytes(data[count:])
        return False

    def _pour(self, pipe: Pipe) -> None:
        """Move bytes through the pipe until the source has no more or the sink takes no more."""
        before = self.carried
        for _ in range(BURST_ROUNDS):
            try:
                pipe.holds = os.splice(
                    self.source.socket.fileno(), pipe.write_fd, pipe.size_bytes, flags=SPLICE_FLAGS
                )
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._relay.broken(self.source.side, error)
                return
            if not pipe.holds:
                self._end()
                return
            if not self._drain(pipe):
                self._wait()
                return
        self._bulk = self.carried - before >= QUIET_BYTES
        self.give_back()
        self._look_behind()

    def _look_behind(self) -> None:
        """Read on by ourselves if a reset is right behind the bytes just read: uvloop calls once for both."""
        number = self.source.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            self._error = OSError(number, os.strerror(number))
        if self._error is not None:
            self._relay.loop.call_soon(self.read)

    def _drain(self, pipe: Pipe) -> bool:
        """Whether the sink took all that the pipe held."""
        while pipe.holds:
            try:
                count = os.splice(pipe.read_fd, self.sink.socket.fileno(), pipe.holds, flags=SPLICE_FLAGS)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                self._relay.broken(self.sink.side, error)
                return False
            pipe.holds -= count
            self.carried += count
        return True

    def _wait(self) -> None:
        """Leave the source alone until the sink takes bytes again; unless all is over already."""
        if not self._relay.is_over:
            self.sink.watch_write(self._relay.loop, self.write)
            self.source.watch_read(self._relay.loop, None)

    def _end(self) -> None:
        """The source has sent its last byte, and the sink has it."""
        self.give_back()
        if self._error is not None:
            self._relay.broken(self.source.side, self._error)
            return
        self.source.watch_read(self._relay.loop, None)
        error = self.sink.shut()
        if error is not None:
            self._relay.broken(self.sink.side, error)
        else:
            self._relay.half_closed(self.source.side)
