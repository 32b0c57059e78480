"""A connection's first packet: what it says, the same with a right checksum, and the refusal of it (RFC 9293).

A packet that a virtual interface carried never left the kernel, which therefore had no need to compute its checksum.
"""

import socket
import struct
from dataclasses import dataclass

ETH_P_IP = 0x0800
TCP_HEADER = 20
SYN, RST_ACK = 0x02, 0x14
FLAGS = 0x17
"""FIN, SYN, RST and ACK, of which a first packet has SYN alone."""
MATCHES = (
    (0x30, 0, 0, 9),  # load the protocol
    (0x15, 0, 7, socket.IPPROTO_TCP),
    (0x28, 0, 0, 6),  # load the fragment's offset: only a first one has ports
    (0x45, 5, 0, 0x1FFF),
    (0xB1, 0, 0, 0),  # X = length of the IP header
    (0x50, 0, 0, 13),  # load the TCP flags
    (0x54, 0, 0, FLAGS),
    (0x15, 0, 1, SYN),
    (0x06, 0, 0, 0xFFFF),
    (0x06, 0, 0, 0),
)
"""A classic socket filter (linux/filter.h) that lets first packets through, of those without a link header."""
FILTER = b"".join(struct.pack("=HBBI", *each) for each in MATCHES)


@dataclass(frozen=True, slots=True)
class Key:
    """Which connection it is: of whom, from which port, and whom it is for."""

    source: str
    source_port: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class First:
    """A connection's first packet."""

    key: Key
    sequence: int


def first_of(packet: bytes) -> First | None:
    """What a packet says, without its link header; None where it is no first packet of a connection."""
    length = (packet[0] & 0x0F) * 4 if packet else 0
    if len(packet) < length + TCP_HEADER or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
        return None
    if packet[length + 13] & FLAGS != SYN:
        return None
    source_port, port, sequence = struct.unpack_from("!HHI", packet, length)
    source, address = (socket.inet_ntoa(packet[at : at + 4]) for at in (12, 16))
    return First(Key(source, source_port, address, port), sequence)


def completed(packet: bytes) -> bytes:
    """The same TCP packet with a right checksum."""
    length = (packet[0] & 0x0F) * 4
    end = struct.unpack_from("!H", packet, 2)[0]
    return packet[:length] + _summed(packet[12:20], packet[length:end])


def refusal(first: First) -> bytes:
    """The packet with which the destination refuses: RST, acknowledging the SYN."""
    ends = socket.inet_aton(first.key.address) + socket.inet_aton(first.key.source)
    numbers = (first.key.port, first.key.source_port, 0, (first.sequence + 1) & 0xFFFFFFFF)
    segment = struct.pack("!HHIIBBHHH", *numbers, 5 << 4, RST_ACK, 0, 0, 0)
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + TCP_HEADER, 0, 0x4000, 64, socket.IPPROTO_TCP, 0) + ends
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return header + _summed(ends, segment)


def _summed(ends: bytes, segment: bytes) -> bytes:
    blank = segment[:16] + b"\0\0" + segment[18:]
    pseudo = ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment))
    return blank[:16] + struct.pack("!H", checksum(pseudo + blank)) + blank[18:]


def checksum(data: bytes) -> int:
    """The Internet's checksum (RFC 1071)."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
