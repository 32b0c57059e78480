"""A sealed header is believed on its own connection, unchanged, with the right key; never otherwise."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire import hop, proxy_v2
from emulator.wire.hop import HopHeader, Transport, seal, unseal
from emulator.wire.proxy_v2 import Addresses, Header

KEY = bytes(range(32))
ON = Transport("127.60.0.1", 40000, "127.60.0.2", 60001)
ENDS = Addresses(IPv4Address("10.61.0.4"), 50000, IPv4Address("10.60.0.7"), 60001)
SAID = HopHeader("0123456789abcdef", ENDS)
FLOWS = st.text("0123456789abcdef", min_size=1, max_size=128)


@given(FLOWS, st.ip_addresses(v=4), st.integers(0, 65535))
def test_round_trip(flow: str, source: IPv4Address, port: int) -> None:
    """unseal(seal(x)) == x, and no header is longer than a hop reads."""
    said = HopHeader(flow, replace(ENDS, source=source, source_port=port))
    data = seal(said, ON, KEY)

    assert unseal(data, ON, KEY) == said
    assert len(data) <= hop.MAX_BYTES


@given(st.integers(0), st.integers(1, 255))
def test_any_changed_byte_is_refused(at: int, change: int) -> None:
    """No byte of a sealed header can be changed."""
    data = bytearray(seal(SAID, ON, KEY))
    data[at % len(data)] ^= change

    with pytest.raises(PeerError):
        unseal(bytes(data), ON, KEY)


@pytest.mark.parametrize(
    "other",
    [
        replace(ON, source="127.60.0.3"),
        replace(ON, source_port=40001),
        replace(ON, destination="127.60.0.3"),
        replace(ON, destination_port=60000),
    ],
)
def test_a_header_is_worth_nothing_elsewhere(other: Transport) -> None:
    """A header replayed on another connection is forged."""
    with pytest.raises(PeerError, match="forged"):
        unseal(seal(SAID, ON, KEY), other, KEY)


def test_another_key_is_forged() -> None:
    """Without the key of this start nobody can speak as a hop."""
    with pytest.raises(PeerError, match="forged"):
        unseal(seal(SAID, ON, bytes(32)), ON, KEY)


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(Header(ENDS, ((proxy_v2.UNIQUE_ID, b"f"),)), id="no proof"),
        pytest.param(Header(ENDS, ((hop.PROOF, bytes(32)),)), id="no flow"),
        pytest.param(Header(None, ((proxy_v2.UNIQUE_ID, b"f"), (hop.PROOF, bytes(32)))), id="no addresses"),
        pytest.param(Header(ENDS, ((hop.PROOF, bytes(32)), (proxy_v2.UNIQUE_ID, b"f"))), id="proof not last"),
        pytest.param(Header(ENDS, ((proxy_v2.UNIQUE_ID, b"f"), (hop.PROOF, b""))), id="empty proof"),
        pytest.param(Header(ENDS, ((proxy_v2.UNIQUE_ID, b"f"), (hop.PROOF, bytes(31)))), id="short proof"),
    ],
)
def test_incomplete_headers_are_refused(header: Header) -> None:
    """A PROXY v2 header without all that a hop says is no hop's."""
    with pytest.raises(PeerError):
        unseal(proxy_v2.encode(header), ON, KEY)


@given(st.binary(max_size=200))
def test_random_bytes_raise_only_our_error(data: bytes) -> None:
    """Garbage on a hop's listener is a PeerError."""
    with pytest.raises(PeerError):
        unseal(data, ON, KEY)
