"""A probe's request, and the status line of its answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire.http_probe import request, status


@pytest.mark.parametrize("path", ["/healthy?x=1", "healthy?x=1"])
def test_a_request(path: str) -> None:
    """A GET of the path, absolute whether or not it is written so, with the backend as host, for one answer."""
    lines = request("10.60.0.7:60001", path).split(b"\r\n")

    assert lines[0] == b"GET /healthy?x=1 HTTP/1.1"
    assert b"Host: 10.60.0.7:60001" in lines
    assert b"Connection: close" in lines
    assert lines[-2:] == [b"", b""]


LINES = [
    (b"HTTP/1.1 200 OK\r\n", 200),
    (b"HTTP/1.0 200\r\n", 200),
    (b"HTTP/1.1 301 Moved Permanently\n", 301),
    (b"HTTP/1.1 503 Service Unavailable\r\n", 503),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_statuses(line: bytes, expected: int) -> None:
    """HTTP/1.0 and 1.1, with a phrase or without."""
    assert status(line) == expected


@pytest.mark.parametrize("line", [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"HTTP/1.1 2000 OK\r\n", b"HTTP/2 200\r\n"])
def test_what_is_no_status(line: bytes) -> None:
    """Anything else is refused with what was found, as an SSH server's first word."""
    with pytest.raises(PeerError, match="expected a status line of HTTP/1, found"):
        status(line)


@given(st.binary(max_size=60))
def test_random_bytes_raise_only_our_error(line: bytes) -> None:
    """Whatever comes, it is a status or a PeerError."""
    try:
        found = status(line)
    except PeerError:
        return
    assert 100 <= found < 600
