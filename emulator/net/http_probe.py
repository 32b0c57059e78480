"""Ask a backend by Http or Https on a connected socket, and say what it answered."""

import asyncio
import socket
import ssl

from emulator.errors import PeerError
from emulator.model.balancer import Probe
from emulator.rules.probe import Answer
from emulator.wire import http_probe


async def ask(connection: socket.socket, probe: Probe, whom: str, *, seconds: float) -> Answer:
    """What `whom` answers to a probe's request within `seconds` real ones; the caller closes the connection."""
    name = f"{whom} by {probe.protocol}"
    try:
        async with asyncio.timeout(seconds):
            line = await _first_line(connection, probe, whom.rpartition(" ")[2])
        status = http_probe.status(line)
    except TimeoutError:
        return Answer(f"{name} answered nothing in time")
    except (OSError, PeerError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        return Answer(f"{name}: {error}")
    if status == http_probe.OK:
        return Answer(explicit=True)
    return Answer(f"{name} answered {status}, which is not 200", explicit=True)


async def _first_line(connection: socket.socket, probe: Probe, host: str) -> bytes:
    """The first line of the answer. Streams close their socket, so they have one of their own."""
    own = connection.dup()
    own.setblocking(False)
    tls = _anybody() if probe.protocol == "Https" else None
    name = "" if tls else None
    reader, writer = await asyncio.open_connection(
        sock=own, limit=http_probe.MAX_LINE_BYTES, ssl=tls, server_hostname=name
    )
    try:
        writer.write(http_probe.request(host, probe.request_path))
        return await reader.readuntil(b"\n")
    finally:
        writer.transport.abort()


def _anybody() -> ssl.SSLContext:
    """Any certificate: one that a machine made for itself is what backends have."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
