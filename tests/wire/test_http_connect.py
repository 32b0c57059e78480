"""CONNECT and its answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire.http_connect import PHRASES, parse, reply, request, status

HOSTS = st.ip_addresses(v=4).map(str) | st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)


@given(HOSTS, st.integers(1, 65535))
def test_round_trip(host: str, port: int) -> None:
    """What a client asks for is what the proxy reads."""
    assert parse(request(host, port)) == (host, port)


@pytest.mark.parametrize("known", sorted(PHRASES))
def test_answers(known: int) -> None:
    """An answer ends with the empty line, and its status is read; a refusal says that the connection ends."""
    answer = reply(known)

    assert answer.endswith(b"\r\n\r\n")
    assert status(answer) == known
    assert (b"Connection: close" in answer) == (known != 200)


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\n\r\n", b"CONNECT h:0 HTTP/1.1\r\n\r\n", b"CONNECT h:65536 HTTP/1.1"]
)
def test_what_is_no_request(head: bytes) -> None:
    """Another method, and a port that is none, are refused with what was found."""
    with pytest.raises(PeerError, match="expected CONNECT HOST:PORT of HTTP/1, found"):
        parse(head)


@given(st.binary(max_size=80))
def test_random_bytes_raise_only_our_error(data: bytes) -> None:
    """Whatever comes, it is understood or a PeerError."""
    for read in (parse, status):
        try:
            read(data)
        except PeerError:
            continue
