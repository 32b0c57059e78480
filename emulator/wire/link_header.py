"""PROXY v2 as Azure's private link writes it where `enableProxyProtocol` is on.

https://learn.microsoft.com/azure/private-link/private-link-service-overview#getting-connection-information-using-tcp-proxy-v2

The TLV of type 0xEE has a subtype octet, 1, and the LINKID: the connection's `linkIdentifier`, 32 bits, little
endian, while the protocol's own numbers are big endian.
"""

import struct

from emulator.errors import PeerError
from emulator.wire import proxy_v2
from emulator.wire.proxy_v2 import Addresses, Header

AZURE = 0xEE
LINK_ID = 0x01
MAX_BYTES = 4096
"""More than any header in the wild; a longer one is refused unread."""


def of_connection(client: Addresses, link: int) -> bytes:
    """What private link sends before the bytes of a client's connection: 36 bytes."""
    return proxy_v2.encode(Header(client, ((AZURE, struct.pack("<BI", LINK_ID, link)),)))


def of_probe() -> bytes:
    """What stands before a health probe: a header "without the client information"."""
    return proxy_v2.encode(Header())


def link_of(header: Header) -> int | None:
    """The LINKID of a header; None where it has none.

    Raises:
        PeerError: it has a TLV of Azure's that is no LINKID.
    """
    value = header.tlv(AZURE)
    if value is None:
        return None
    if len(value) != 5 or value[0] != LINK_ID:
        raise PeerError(f"expected a LINKID of 5 bytes in the TLV {AZURE:#x}, found {value.hex(' ') or 'nothing'}")
    return int(struct.unpack("<BI", value)[1])
