"""A socket at one end of a relay, and the callbacks the loop has for it.

uvloop closes a descriptor's handle when its last callback goes, and was seen to hang when one is added again in the
same turn. So callbacks are added before others are removed, and the first one is added a turn later.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from typing import Literal

Side = Literal["client", "backend"]
Callback = Callable[[], None]


class Watched:
    """One socket of a relay, and what is watched on it."""

    __slots__ = ("_on_read", "_on_write", "_reads", "_writes", "side", "socket")

    def __init__(self, side: Side, connection: socket.socket) -> None:
        self.side = side
        self.socket = connection
        self._reads: Callback | None = None
        self._writes: Callback | None = None
        self._on_read: Callback | None = None
        self._on_write: Callback | None = None

    def watch_read(self, loop: asyncio.AbstractEventLoop, callback: Callback | None) -> None:
        """Call back whenever there is something to read; None ends it."""
        self._on_read = callback
        self._change(loop)

    def watch_write(self, loop: asyncio.AbstractEventLoop, callback: Callback | None) -> None:
        """Call back whenever it takes bytes; None ends it."""
        self._on_write = callback
        self._change(loop)

    def unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call back no more."""
        self._on_read = self._on_write = None
        self._change(loop)

    def _change(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._reads or self._writes:
            self._apply(loop)
        elif self._on_read or self._on_write:
            loop.call_soon(self._apply, loop)

    def _apply(self, loop: asyncio.AbstractEventLoop) -> None:
        """Bring the loop to what is wanted: first add, then remove."""
        fd, read, write = self.socket.fileno(), self._on_read, self._on_write
        if read and read != self._reads:
            loop.add_reader(fd, read)
        if write and write != self._writes:
            loop.add_writer(fd, write)
        if self._reads and not read:
            loop.remove_reader(fd)
        if self._writes and not write:
            loop.remove_writer(fd)
        self._reads, self._writes = read, write

    def shut(self) -> OSError | None:
        """Send a FIN; the error, if the other end is gone."""
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            return error
        return None

    def set_option(self, level: int, option: int, value: int | bytes) -> None:
        """Set a socket option; the other end may be gone already, and some systems refuse options then."""
        try:
            self.socket.setsockopt(level, option, value)
        except OSError:
            return


SEGMENTS = struct.Struct("=136xII")
"""tcpi_segs_out and tcpi_segs_in in struct tcp_info (linux/tcp.h)."""


def segments(connection: socket.socket) -> tuple[int, int]:
    """TCP segments that came in on a connection, and that went out; zeros where the system does not count them."""
    if not sys.platform.startswith("linux"):
        return 0, 0
    try:
        went, came = SEGMENTS.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SEGMENTS.size))
    except (OSError, struct.error):  # closed already; a kernel that does not count
        return 0, 0
    return came, went
