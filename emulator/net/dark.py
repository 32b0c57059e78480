"""Take a connection's packets away from both its ends: no ACK, no FIN, no RST, as when a flow's state is lost.

A socket filter drops what comes in, but for RST, with which an end says that it is no longer there; so our kernel
has nothing to acknowledge. The socket is kept until the end has gone: by RST, or, where the end is a socket of this
machine, when nobody holds it any more.
"""

import asyncio
import contextlib
import socket
import struct

from emulator.net import filters
from emulator.net.holding import until_reset
from emulator.net.sock_diag import is_held

BYTE_OF_FLAGS, RST = 13, 0x04
JSET = 0x45
ONLY_RST = b"".join(
    struct.pack("HBBI", *each)
    for each in (
        (filters.LD_BYTE, 0, 0, BYTE_OF_FLAGS),
        (JSET, 0, 1, RST),
        (filters.RET, 0, 0, filters.LET_IN),
        (filters.RET, 0, 0, filters.DROP),
    )
)
CLOSE_WAIT = 8
"""tcpi_state of struct tcp_info (linux/tcp.h)."""
LOOK = 2.0
"""Real seconds between two looks whether an end is still there."""
PATIENCE = 7200.0
"""Real seconds for an end on another machine, which nothing here can see leave."""


def darken(*connections: socket.socket) -> bool:
    """Answer nothing on these connections from now on; false where the kernel allows no filter.

    Then bytes are acknowledged until the receive buffer is full, and never answered.
    """
    try:
        for each in connections:
            filters.attach(each, ONLY_RST)
    except OSError:
        return False
    return True


async def until_left(connection: socket.socket) -> None:
    """Wait until whoever is at the other end of a darkened connection has gone."""
    try:
        ends = connection.getpeername()[:2], connection.getsockname()[:2]
    except OSError:  # gone already
        return
    loop = asyncio.get_running_loop()
    seen, until = is_held(*ends), loop.time() + PATIENCE
    if not seen and _has_sent_fin(connection):
        return  # it had closed before it was left in the dark
    while seen or loop.time() < until:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                await until_reset(connection)
                return
        if seen and not is_held(*ends):
            return


def _has_sent_fin(connection: socket.socket) -> bool:
    """Whether the other end's FIN has come in; false where the system does not say."""
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == CLOSE_WAIT
    except (OSError, AttributeError):
        return False
