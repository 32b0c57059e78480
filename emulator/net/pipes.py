"""Pipes that relays borrow to move bytes without seeing them (splice), with a bound on their sum.

A pipe of 1 MiB is granted 64 times to an ordinary user; beyond that the kernel makes pipes of 8 KiB, through which
splice is slower than a plain copy. So pipes are lent for one burst, and a relay that gets none copies.
"""

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator

from emulator.net.loop import readiness_here
from emulator.net.readiness import Readiness

PIPE_BYTES = 1 << 20
USEFUL_BYTES = 1 << 16
"""A smaller pipe would be slower than `recv` and `send`."""
TOTAL_BYTES = 64 << 20
REFUSED_TAKES = 256
"""After the kernel refused a large pipe, how often `take` says no before it asks the kernel again."""


class Pipe:
    """Two descriptors and how many bytes the kernel holds between them."""

    __slots__ = ("holds", "read_fd", "size_bytes", "write_fd")

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.holds = 0
        with contextlib.suppress(PermissionError):  # this user has its share of pipe pages already
            fcntl.fcntl(self.write_fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.size_bytes: int = fcntl.fcntl(self.write_fd, fcntl.F_GETPIPE_SZ)

    def close(self) -> None:
        """Give both descriptors back to the kernel."""
        os.close(self.read_fd)
        os.close(self.write_fd)


class PipePool:
    """Lends pipes and one poll set to the relays of one event loop.

    Attributes:
        readiness: what calls the relays back.
    """

    def __init__(self, readiness: Readiness | None = None, *, total_bytes: int = TOTAL_BYTES) -> None:
        self.readiness = readiness or Readiness()
        self._total_bytes = total_bytes if hasattr(os, "splice") else 0
        self._bytes = 0
        self._idle: list[Pipe] = []
        self._all: set[Pipe] = set()
        self._refusals_left = 0

    @property
    def size_bytes(self) -> int:
        """The capacity of all pipes that exist, lent and idle."""
        return self._bytes

    @property
    def lent(self) -> int:
        """How many pipes are out."""
        return len(self._all) - len(self._idle)

    def take(self) -> Pipe | None:
        """An empty pipe, or None when the bound is reached; the borrower copies then."""
        if self._idle:
            return self._idle.pop()
        if self._refusals_left:
            self._refusals_left -= 1
            return None
        if self._bytes + PIPE_BYTES > self._total_bytes:
            return None
        return self._make()

    def _make(self) -> Pipe | None:
        try:
            pipe = Pipe()
        except OSError:  # no descriptor left; copying needs none
            self._refusals_left = REFUSED_TAKES
            return None
        if pipe.size_bytes < USEFUL_BYTES:
            pipe.close()
            self._refusals_left = REFUSED_TAKES
            return None
        self._all.add(pipe)
        self._bytes += pipe.size_bytes
        return pipe

    def give(self, pipe: Pipe) -> None:
        """Take a pipe back; one that still holds bytes is closed, so that nobody else reads them."""
        if pipe.holds or pipe not in self._all:
            self._discard(pipe)
        else:
            self._idle.append(pipe)

    def _discard(self, pipe: Pipe) -> None:
        if pipe in self._all:
            self._all.remove(pipe)
            self._bytes -= pipe.size_bytes
            pipe.close()

    async def aclose(self) -> None:
        """Close every pipe, lent ones too, and the poll set: end the relays first. Idempotent."""
        self._idle.clear()
        self.readiness.close()
        for pipe in list(self._all):
            self._discard(pipe)


@contextlib.asynccontextmanager
async def pipe_pool(*, total_bytes: int = TOTAL_BYTES) -> AsyncIterator[PipePool]:
    """A pool whose pipes are closed when the body ends."""
    pool = PipePool(readiness_here(), total_bytes=total_bytes)
    try:
        yield pool
    finally:
        await pool.aclose()
