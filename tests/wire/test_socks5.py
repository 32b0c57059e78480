"""SOCKS 5, the bytes of RFC 1928."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire import socks5
from tests.wire.test_http_connect import HOSTS


def test_bytes_of_the_specification() -> None:
    """Greeting, choice, request for an address and for a name, reply."""
    assert socks5.greeting() == b"\x05\x01\x00"
    assert (socks5.chosen(b"\x02\x00"), socks5.chosen(b"\x02")) == (b"\x05\x00", b"\x05\xff")
    assert socks5.request("10.60.0.8", 22) == b"\x05\x01\x00\x01\x0a\x3c\x00\x08\x00\x16"
    assert socks5.request("vm", 22) == b"\x05\x01\x00\x03\x02vm\x00\x16"
    assert socks5.reply(socks5.REFUSED) == b"\x05\x05\x00\x01" + bytes(6)


@given(HOSTS, st.integers(0, 65535))
def test_round_trip(host: str, port: int) -> None:
    """What a client asks for is read, and its length is known from its first five bytes."""
    whole = socks5.request(host, port)

    assert socks5.parse(whole) == (host, port)
    assert socks5.rest(whole[:5]) == len(whole) - 5


@given(st.integers(0, 255))
def test_codes(code: int) -> None:
    """A code is read as it was written."""
    assert socks5.code(socks5.reply(code)) == code


@given(st.binary(max_size=30))
def test_random_bytes_raise_only_our_error(data: bytes) -> None:
    """Whatever comes, it is understood or a PeerError."""
    for read in (socks5.methods, socks5.rest, socks5.parse, socks5.code):
        try:
            read(data)
        except PeerError:
            continue


@pytest.mark.parametrize("start", [b"\x04\x01\x00\x01\x0a", b"\x05\x02\x00\x01\x0a", b"\x05\x01\x00\x04\x0a"])
def test_what_is_not_played(start: bytes) -> None:
    """Version 4, BIND and IPv6 are refused."""
    with pytest.raises(PeerError, match="expected a SOCKS 5 request to connect"):
        socks5.rest(start)
