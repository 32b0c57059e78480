"""Hold a connection that gets no answer, until its client gives up."""

import asyncio
import socket

from emulator.observe import How

PIECE_BYTES = 65536


async def until_gone(connection: socket.socket) -> How:
    """Wait until the peer ends the connection, and say how; what it sends meanwhile goes nowhere."""
    loop = asyncio.get_running_loop()
    try:
        while await loop.sock_recv(connection, PIECE_BYTES):
            pass
    except TimeoutError:
        return "timeout"
    except OSError:
        return "rst"
    return "fin"


async def gone_within(connection: socket.socket, seconds: float) -> How | None:
    """Likewise, but no longer than `seconds` real ones; None when the peer is still there."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await until_gone(connection)
    except TimeoutError:
        if limit.expired():
            return None
        raise
