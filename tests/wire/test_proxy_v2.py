"""PROXY v2 headers survive a round trip, match the specification's bytes, and fail as the peer's fault."""

from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire import proxy_v2
from emulator.wire.proxy_v2 import Addresses, Header, decode, encode, size

ADDRESSES = st.builds(
    Addresses,
    st.ip_addresses(v=4),
    st.integers(0, 65535),
    st.ip_addresses(v=4),
    st.integers(0, 65535),
)
TLVS = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=200)), max_size=5).map(tuple)
HEADERS = st.builds(Header, st.none() | ADDRESSES, TLVS)
ENDS = Addresses(IPv4Address("10.61.0.4"), 50000, IPv4Address("10.60.0.6"), 60001)


def test_bytes_of_the_specification() -> None:
    """A TCP over IPv4 header has the bytes that the specification's section 2.2 draws."""
    expected = (
        b"\r\n\r\n\x00\r\nQUIT\n"  # signature
        b"\x21\x11\x00\x0f"  # version 2, PROXY; AF_INET, STREAM; 15 bytes follow
        b"\x0a\x3d\x00\x04\x0a\x3c\x00\x06\xc3\x50\xea\x61"
        b"\x04\x00\x00"  # PP2_TYPE_NOOP, empty
    )

    assert encode(Header(ENDS, ((4, b""),))) == expected
    assert size(expected) == len(expected)


def test_local_has_no_addresses() -> None:
    """A LOCAL header is unspecified; what addresses a LOCAL header may carry are ignored, its TLVs are not."""
    assert encode(Header()) == proxy_v2.SIGNATURE + b"\x20\x00\x00\x00"
    carrying = proxy_v2.SIGNATURE + b"\x20\x11\x00\x0f" + bytes(12) + b"\x04\x00\x00"
    assert decode(carrying) == Header(None, ((4, b""),))


@given(HEADERS)
def test_round_trip(header: Header) -> None:
    """decode(encode(x)) == x, and `size` tells the length from the first 16 bytes."""
    data = encode(header)

    assert decode(data) == header
    assert size(data[:16]) == len(data)


@given(HEADERS, st.data())
def test_a_cut_header_is_the_peers_fault(header: Header, data: st.DataObject) -> None:
    """Any part of a header, and any header with bytes after it, raises PeerError."""
    whole = encode(header)
    end = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(PeerError):
        decode(whole[:end])
    with pytest.raises(PeerError):
        decode(whole + b"x")


@given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda rest: proxy_v2.SIGNATURE + rest))
def test_random_bytes_raise_only_our_error(data: bytes) -> None:
    """Whatever comes, it is a header or a PeerError."""
    try:
        header = decode(data)
    except PeerError:
        return
    assert size(data) == len(data)
    assert header.tlv(256) is None


@given(HEADERS, st.integers(0, 12), st.sampled_from([0x10, 0x40, 0xF0]))
def test_size_refuses_other_bytes(header: Header, at: int, change: int) -> None:
    """A changed byte in signature or version is refused; `size` needs 16 bytes."""
    data = bytearray(encode(header)[:16])
    data[at] ^= change
    with pytest.raises(PeerError):
        size(bytes(data))
    with pytest.raises(PeerError):
        size(encode(header)[:15])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\x21\x11\x00\x0b" + bytes(11), id="addresses cut short"),
        pytest.param(b"\x21\x21\x00\x24" + bytes(36), id="TCP over IPv6"),
        pytest.param(b"\x21\x12\x00\x0c" + bytes(12), id="UDP over IPv4"),
        pytest.param(b"\x22\x11\x00\x0c" + bytes(12), id="unknown command"),
        pytest.param(b"\x21\x11\x00\x0e" + bytes(12) + b"\x04\x00", id="TLV cut short"),
        pytest.param(b"\x21\x11\x00\x0f" + bytes(12) + b"\x04\x00\x01", id="TLV longer than the header"),
    ],
)
def test_what_is_not_ours(body: bytes) -> None:
    """What this channel does not use is refused, with a sentence."""
    with pytest.raises(PeerError, match="PROXY v2"):
        decode(proxy_v2.SIGNATURE + body)


def test_first_tlv_of_a_kind() -> None:
    """`tlv` gives the first value of a kind, or None."""
    header = Header(ENDS, ((5, b"first"), (5, b"second")))

    assert header.tlv(5) == b"first"
    assert header.tlv(6) is None
