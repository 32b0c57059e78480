"""Send and receive the header between our hops on a real connection."""

import asyncio
import socket

from emulator.errors import PeerError
from emulator.wire import hop, link_header, proxy_v2
from emulator.wire.hop import HopHeader, Transport


class CutShortError(PeerError):
    """The other end left before it had said all of a header."""


class ProbeError(PeerError):
    """The other end sent what a health probe begins with: private link's header, a request, or a hello of TLS."""


PROBES = (link_header.of_probe(), b"GET /", b"\x16\x03")


PATIENCE = 5.0
"""Real seconds within which a hop's header arrives; our own hops send it with the handshake."""


def outgoing(connection: socket.socket) -> Transport:
    """The transport as the dialling end sees it."""
    return Transport(*connection.getsockname()[:2], *connection.getpeername()[:2])


def incoming(connection: socket.socket) -> Transport:
    """The transport as the accepting end sees it."""
    return Transport(*connection.getpeername()[:2], *connection.getsockname()[:2])


def send(connection: socket.socket, header: HopHeader, key: bytes) -> None:
    """Send `header` on a fresh connection, whose empty send buffer takes it whole.

    Raises:
        OSError: the peer is gone.
    """
    connection.send(hop.seal(header, outgoing(connection), key))


async def receive(connection: socket.socket, key: bytes) -> HopHeader:
    """Read the hop header that opens `connection`, and not a byte more.

    Raises:
        ProbeError: this is a health probe, where nothing else tells it from a connection.
        PeerError: no header came in time, or it is malformed or forged.
        OSError: the peer is gone.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            start = await exactly(connection, proxy_v2.FIXED_BYTES, "hop header")
            if start.startswith(PROBES):
                raise ProbeError(f"expected a PROXY v2 header, found what a health probe begins with: {start!r}")
            rest = proxy_v2.size(start) - len(start)
            if rest > hop.MAX_BYTES:
                raise PeerError(f"a hop header of {rest} bytes is longer than {hop.MAX_BYTES}")
            data = start + await exactly(connection, rest, "hop header")
    except TimeoutError:
        raise PeerError(f"no hop header within {PATIENCE:g} s") from None
    return hop.unseal(data, incoming(connection), key)


async def exactly(connection: socket.socket, count: int, what: str) -> bytes:
    """The next `count` bytes, of what is called `what`.

    Raises:
        CutShortError: the connection ended first.
        OSError: the peer is gone.
    """
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        chunk = await loop.sock_recv(connection, count - len(data))
        if not chunk:
            raise CutShortError(f"the connection ended within its {what}")
        data += chunk
    return data
