"""Private link's PROXY v2, byte for byte, and what is not one."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire import proxy_v2
from emulator.wire.link_header import AZURE, MAX_BYTES, link_of, of_connection, of_probe
from emulator.wire.proxy_v2 import Addresses, Header
from tests.wire.test_proxy_v2 import ADDRESSES, ENDS


def test_bytes_of_a_connection() -> None:
    """36 bytes: a TCP over IPv4 header, then EE 0005 01 and the LINKID, little endian (azure.md 4.5)."""
    expected = (
        b"\r\n\r\n\x00\r\nQUIT\n"
        b"\x21\x11\x00\x14"
        b"\x0a\x3d\x00\x04\x0a\x3c\x00\x06\xc3\x50\xea\x61"
        b"\xee\x00\x05\x01\x78\x56\x34\x12"
    )

    assert of_connection(ENDS, 0x12345678) == expected
    assert len(expected) == 36


def test_bytes_of_a_probe() -> None:
    """16 bytes: LOCAL, unspecified, no TLV, since a probe has no client."""
    assert of_probe() == b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
    assert link_of(proxy_v2.decode(of_probe())) is None


@given(ADDRESSES, st.integers(0, 0xFFFFFFFF))
def test_round_trip(client: Addresses, link: int) -> None:
    """Whatever client and LINKID were written are read."""
    data = of_connection(client, link)
    header = proxy_v2.decode(data)

    assert (header.addresses, link_of(header)) == (client, link)
    assert len(data) <= MAX_BYTES


@pytest.mark.parametrize("value", [b"", b"\x01\x00\x00\x00", b"\x02\x00\x00\x00\x00", b"\x01\x00\x00\x00\x00\x00"])
def test_what_is_no_link_id(value: bytes) -> None:
    """Another subtype or length is refused, with what was found."""
    with pytest.raises(PeerError, match="expected a LINKID of 5 bytes in the TLV 0xee, found"):
        link_of(Header(ENDS, ((AZURE, value),)))


@given(st.binary(max_size=60))
def test_random_bytes_raise_only_our_error(rest: bytes) -> None:
    """Whatever follows the signature, it has a LINKID, has none, or is refused."""
    try:
        link = link_of(proxy_v2.decode(proxy_v2.SIGNATURE + rest))
    except PeerError:
        return
    assert link is None or 0 <= link <= 0xFFFFFFFF


def test_a_link_id_in_the_wild() -> None:
    """A TLV of the protocol beside Azure's does not hide the LINKID."""
    ends = Addresses(IPv4Address("10.0.0.4"), 1, IPv4Address("10.0.0.5"), 2)
    assert link_of(Header(ends, ((4, b""), (AZURE, b"\x01\x2a\x00\x00\x10")))) == 0x1000002A
