"""Send and read private link's PROXY v2 on real connections."""

import asyncio
import socket

from emulator.errors import PeerError
from emulator.model.flow import Flow
from emulator.model.world import World
from emulator.net.hop_header import exactly
from emulator.rules import link_header
from emulator.wire import link_header as wire
from emulator.wire import proxy_v2
from emulator.wire.proxy_v2 import Addresses, Header

PATIENCE = 30.0
"""Emulated seconds for a header, nginx's `proxy_protocol_timeout`; what the proxy VM's is, is documented nowhere.

http://nginx.org/en/docs/stream/ngx_stream_core_module.html
"""


def before_connection(world: World, flow: Flow) -> bytes:
    """What stands before the bytes of a client's flow to the private endpoint; nothing where that is off."""
    if not link_header.on_connections(world):
        return b""
    ends = Addresses(flow.source, flow.source_port, flow.destination, flow.destination_port)
    return wire.of_connection(ends, link_header.link_id(world))


def before_probe(world: World) -> bytes:
    """What a health probe sends once it is connected; nothing where that is off."""
    return wire.of_probe() if link_header.on_probes(world) else b""


async def receive(connection: socket.socket, *, seconds: float) -> tuple[Header, int | None]:
    """Read the header that opens `connection`, and not a byte more: the header and its LINKID. `seconds` are real.

    Raises:
        PeerError: something else came, or nothing in time.
        OSError: the peer is gone.
    """
    try:
        async with asyncio.timeout(seconds):
            start = await exactly(connection, proxy_v2.FIXED_BYTES, "PROXY v2 header")
            rest = proxy_v2.size(start) - len(start)
            if rest > wire.MAX_BYTES:
                raise PeerError(f"a PROXY v2 header of {rest} bytes is longer than {wire.MAX_BYTES}")
            header = proxy_v2.decode(start + await exactly(connection, rest, "PROXY v2 header"))
    except TimeoutError:
        raise PeerError(f"no PROXY v2 header within {seconds:g} s") from None
    return header, wire.link_of(header)
