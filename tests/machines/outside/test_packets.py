"""A connection's first packet, its completion and its refusal."""

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.outside.packets import (
    FILTER,
    RST_ACK,
    SYN,
    First,
    Key,
    checksum,
    completed,
    first_of,
    refusal,
)

FIRST = First(Key("10.60.0.8", 40000, "203.0.113.50", 443), 0xFFFFFFFF)


def packet(flags: int = SYN, protocol: int = socket.IPPROTO_TCP, options: bytes = b"") -> bytes:
    """A TCP packet without checksums, as a virtual interface carries it."""
    words = 5 + len(options) // 4
    ends = socket.inet_aton(FIRST.key.source) + socket.inet_aton(FIRST.key.address)
    header = struct.pack("!BBHHHBBH", 0x40 | words, 0, words * 4 + 20, 0, 0, 64, protocol, 0) + ends + options
    numbers = (FIRST.key.source_port, FIRST.key.port, FIRST.sequence, 0)
    return header + struct.pack("!HHIIBBHHH", *numbers, 0x50, flags, 64240, 0x1234, 0)


def is_whole(found: bytes) -> bool:
    """Whether a packet's TCP checksum is right: summed with it, nothing is left."""
    length = (found[0] & 15) * 4
    return checksum(found[12:20] + struct.pack("!BBH", 0, 6, len(found) - length) + found[length:]) == 0


def test_a_first_packet_is_read() -> None:
    """Ends, ports and sequence number, behind IP options too."""
    assert first_of(packet()) == FIRST
    assert first_of(packet(options=b"\1\1\1\1")) == FIRST


def test_any_other_packet_is_none() -> None:
    """Answers, later packets, resets, other protocols and pieces."""
    for other in (
        packet(flags=0x12),
        packet(flags=0x10),
        packet(flags=0x04),
        packet(protocol=17),
        packet()[:39],
        b"",
    ):
        assert first_of(other) is None


def test_a_completed_packet_has_a_right_checksum() -> None:
    """The rest of it stays, and what Ethernet padded is gone."""
    found = completed(packet() + b"\0" * 6)

    assert is_whole(found)
    assert not is_whole(packet())
    assert first_of(found) == FIRST


def test_a_refusal_acknowledges_the_first_packet() -> None:
    """RST and ACK, from the destination, one beyond its sequence number, which wraps."""
    found = refusal(FIRST)

    assert is_whole(found)
    assert checksum(found[:20]) == 0
    assert struct.unpack_from("!HHII", found, 20) == (443, 40000, 0, 0)
    assert (found[33], found[12:16]) == (RST_ACK, socket.inet_aton("203.0.113.50"))


@given(st.binary(max_size=100))
def test_anything_is_read_or_is_none(data: bytes) -> None:
    """Whatever a guest sends, reading it raises nothing."""
    assert first_of(data) is None or len(data) >= 40


def test_the_filter_is_whole_instructions() -> None:
    """Eight bytes each, and its last word is to drop."""
    assert len(FILTER) % 8 == 0
    assert FILTER[-8:] == struct.pack("=HBBI", 6, 0, 0, 0)
