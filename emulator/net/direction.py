"""One way of a relay: bytes from one end to the other."""

import os
from typing import TYPE_CHECKING

from emulator.net.batch import SCRATCH_BYTES, SMALL_BYTES
from emulator.net.pace import Pace
from emulator.net.pipes import Pipe
from emulator.net.watched import Watched

if TYPE_CHECKING:
    from emulator.net.relay import Relay

BURST_ROUNDS = 4
"""How many pipes full one callback moves before other connections have their turn."""
QUIET_BYTES = 1 << 16
"""A burst of less ends the use of pipes for its direction."""
SPLICE_FLAGS = getattr(os, "SPLICE_F_MOVE", 0) | getattr(os, "SPLICE_F_NONBLOCK", 0)


class Direction:
    """Bytes from one end to the other. It reads only while it holds none.

    Attributes:
        source, sink: the ends.
        carried: bytes that the sink took.
        ended: whether the source's last byte, and its end, have been passed on; or another direction carries on.
    """

    __slots__ = ("_bulk", "_pending", "_pipe", "_readiness", "carried", "ended", "relay", "sink", "source")

    def __init__(self, relay: "Relay", source: Watched, sink: Watched) -> None:
        self.relay = relay
        self.source = source
        self.sink = sink
        self.carried = 0
        self.ended = False
        self._readiness = relay.pipes.readiness
        self._pending: bytes | memoryview = b""
        self._pipe: Pipe | None = None
        self._bulk = False

    def read(self) -> None:
        """The source has bytes, its end, or an error; only while nothing is held."""
        relay = self.relay
        if relay.pace is not None and self._must_wait(relay.pace):
            return
        relay.last_activity = self._readiness.now
        if self._bulk:
            self.sink.carries_much()
            self._pipe = relay.pipes.take()
        if self._pipe is None:
            self._receive()
        else:
            self._pour(self._pipe)

    def _must_wait(self, pace: Pace) -> bool:
        """Whether the bandwidth is used up; then the source is left alone until there is some again."""
        seconds = pace.wait()
        if seconds:
            self.source.watch_read(None)
            self.relay.loop.call_later(seconds, self._resume)
        return bool(seconds)

    def _resume(self) -> None:
        if not self.relay.is_over and not self.ended and not self._pending and self._pipe is None:
            self.source.watch_read(self.read)

    def write(self) -> None:
        """The sink takes bytes again."""
        self.relay.last_activity = self.relay.loop.time()
        empty = self._drain(self._pipe) if self._pipe is not None else self._send()
        if empty:
            self.give_back()
            self.source.watch_read(self.read)
            self.sink.watch_write(None)

    def give_back(self) -> None:
        """Return a borrowed pipe."""
        if self._pipe is not None:
            self.relay.pipes.give(self._pipe)
            self._pipe = None

    def begin(self) -> None:
        """Read whenever there is something to read, and what is held has gone."""
        if self._pending:
            self._wait()
        elif not self.ended:
            self.source.watch_read(self.read)

    def go_on_for(self, before: "Direction", *, carried: int, flying: bytes = b"") -> None:
        """Carry on for another direction, with what was in flight there, if this is the one to send it."""
        self.carried, self.ended, self._pending = carried, before.ended, flying

    def hand_over(self) -> bytes:
        """Carry no more: the bytes in flight, for who carries on."""
        flying, self._pending = bytes(self._pending), b""
        while self._pipe is not None and self._pipe.holds:
            piece = os.read(self._pipe.read_fd, self._pipe.holds)
            self._pipe.holds -= len(piece)
            flying += piece
        self.give_back()
        self.ended = True
        return flying

    def _receive(self) -> None:
        batch = self._readiness.batch
        try:
            count = self.source.socket.recv_into(batch.room)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self.relay.broken(self.source.side, error)
            return
        self._bulk = count == SCRATCH_BYTES
        if not count:
            self._end()
            return
        self._pending = batch.room[:count]
        if batch.is_single or count > SMALL_BYTES:
            self.deliver()
        else:
            batch.keep(self)

    def deliver(self) -> None:
        """Send on what was received in this turn, unless another direction carries on.

        It was received before whatever ended the connection in the same turn: a peer's last word, say, before its
        reset.
        """
        if self._pending and not self._send():
            self._wait()

    def _send(self) -> bool:
        """Whether the sink took all that is pending; the rest is kept."""
        data = self._pending
        try:
            count = self.sink.socket.send(data)
        except (BlockingIOError, InterruptedError):
            count = 0
        except OSError as error:
            self.relay.broken(self.sink.side, error)
            return False
        self.carried += count
        if self.relay.pace is not None:
            self.relay.pace.spend(count)
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
                self.relay.broken(self.source.side, error)
                return
            if not pipe.holds:
                self._end()
                return
            if not self._drain(pipe):
                self._wait()
                return
        self._bulk = self.carried - before >= QUIET_BYTES
        self.give_back()

    def _drain(self, pipe: Pipe) -> bool:
        """Whether the sink took all that the pipe held."""
        while pipe.holds:
            try:
                count = os.splice(pipe.read_fd, self.sink.socket.fileno(), pipe.holds, flags=SPLICE_FLAGS)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                self.relay.broken(self.sink.side, error)
                return False
            pipe.holds -= count
            self.carried += count
            if self.relay.pace is not None:
                self.relay.pace.spend(count)
        return True

    def _wait(self) -> None:
        """Leave the source alone until the sink takes bytes again; unless all is over already."""
        if not self.relay.is_over:
            self.sink.watch_write(self.write)
            self.source.watch_read(None)

    def _end(self) -> None:
        """The source has sent its last byte, and the sink has it."""
        self.give_back()
        self.source.watch_read(None)
        self._pass_end()

    def _pass_end(self) -> None:
        self.ended = True
        error = self.sink.shut()
        if error is not None:
            self.relay.broken(self.sink.side, error)
        else:
            self.relay.half_closed(self.source.side)
