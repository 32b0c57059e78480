"""A socket at one end of a relay, and what is called back for it."""

import socket
import struct
import sys
from typing import Literal

from emulator.net.readiness import Callback, Readiness

Side = Literal["client", "backend"]
SEND_BYTES = 1 << 20
"""Of a loopback connection that carries much: what waits in it longer has left the processor's cache. A connection
through one hop carried 24 Gbit/s with it instead of 21, two 24 instead of 21; with 212,992, as much as many systems
allow, it makes no difference."""


class Watched:
    """One socket of a relay, and what is watched on it.

    Attributes:
        side: whose it is.
        socket: it.
        on_read: called while there is something to read.
        on_write: called while it takes bytes.
    """

    __slots__ = ("_fd", "_is_limited", "_readiness", "on_read", "on_write", "side", "socket")

    def __init__(self, side: Side, connection: socket.socket, readiness: Readiness) -> None:
        self.side = side
        self.socket = connection
        self.on_read: Callback | None = None
        self.on_write: Callback | None = None
        self._fd = connection.fileno()
        self._readiness = readiness
        self._is_limited = False

    def watch_read(self, callback: Callback | None) -> None:
        """Call back whenever there is something to read; None ends it."""
        self.on_read = callback
        self._readiness.watch(self._fd, self)

    def watch_write(self, callback: Callback | None) -> None:
        """Call back whenever it takes bytes; None ends it."""
        self.on_write = callback
        self._readiness.watch(self._fd, self)

    def unwatch(self) -> None:
        """Call back no more."""
        self.on_read = self.on_write = None
        self._readiness.watch(self._fd, self)

    def carries_much(self) -> None:
        """Keep its queue short, where nothing is far away."""
        if not self._is_limited:
            self._is_limited = True
            if _is_near(self.socket):
                self.set_option(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)

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


def _is_near(connection: socket.socket) -> bool:
    try:
        return connection.family is socket.AF_INET and str(connection.getpeername()[0]).startswith("127.")
    except OSError:  # gone
        return False


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
