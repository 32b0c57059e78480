"""PROXY protocol version 2, binary, over IPv4 TCP (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).

Only what this channel needs: the commands LOCAL and PROXY, the family TCP over IPv4 or unspecified, and TLVs.
"""

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from emulator.errors import PeerError

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FIXED_BYTES = 16
LOCAL, PROXY = 0x20, 0x21
UNSPEC, TCP4 = 0x00, 0x11
UNIQUE_ID = 0x05
"""PP2_TYPE_UNIQUE_ID: an opaque name of the connection, at most 128 bytes."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The proxied connection's ends."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int


@dataclass(frozen=True, slots=True)
class Header:
    """A PROXY v2 header; without addresses it is LOCAL (a probe, for example)."""

    addresses: Addresses | None = None
    tlvs: tuple[tuple[int, bytes], ...] = ()

    def tlv(self, kind: int) -> bytes | None:
        """The value of the first TLV of a kind."""
        return next((value for found, value in self.tlvs if found == kind), None)


def encode(header: Header) -> bytes:
    """The header's bytes."""
    ends = header.addresses
    body = b""
    if ends is not None:
        body = ends.source.packed + ends.destination.packed
        body += struct.pack("!HH", ends.source_port, ends.destination_port)
    body += b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in header.tlvs)
    command, family = (LOCAL, UNSPEC) if ends is None else (PROXY, TCP4)
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


def size(start: bytes) -> int:
    """How many bytes the header has, from its first 16.

    Raises:
        PeerError: these are not the first 16 bytes of a PROXY v2 header.
    """
    if len(start) < FIXED_BYTES or start[:12] != SIGNATURE or start[12] >> 4 != 2:
        raise PeerError("expected a PROXY v2 header, found other bytes")
    return FIXED_BYTES + int(struct.unpack_from("!H", start, 14)[0])


def decode(data: bytes) -> Header:
    """The header that `data` is, whole.

    Raises:
        PeerError: it is not one, or not one that we understand.
    """
    if len(data) < FIXED_BYTES or len(data) != size(data):
        raise PeerError(f"expected a whole PROXY v2 header, found {len(data)} bytes")
    command, family = data[12], data[13]
    body = data[FIXED_BYTES:]
    if command == LOCAL:
        return Header(None, _tlvs(body if family == UNSPEC else body[12:]))
    if command != PROXY or family != TCP4 or len(body) < 12:
        raise PeerError(f"PROXY v2 command {command:#04x} with family {family:#04x} is not TCP over IPv4")
    source_port, destination_port = struct.unpack_from("!HH", body, 8)
    ends = Addresses(IPv4Address(body[:4]), source_port, IPv4Address(body[4:8]), destination_port)
    return Header(ends, _tlvs(body[12:]))


def _tlvs(data: bytes) -> tuple[tuple[int, bytes], ...]:
    found = []
    while data:
        if len(data) < 3:
            raise PeerError("a TLV of the PROXY v2 header is cut short")
        kind, length = struct.unpack_from("!BH", data)
        if len(data) < 3 + length:
            raise PeerError("a TLV of the PROXY v2 header is longer than the header")
        found.append((kind, data[3 : 3 + length]))
        data = data[3 + length :]
    return tuple(found)
