"""A client's CONNECT to an HTTP proxy, and the answers to it (RFC 9110, section 9.3.6)."""

import re

from emulator.errors import PeerError

MAX_HEAD_BYTES = 16 * 1024
END = b"\r\n\r\n"
REQUEST = re.compile(rb"CONNECT ([A-Za-z0-9.-]{1,253}):([0-9]{1,5}) HTTP/1\.[01]")
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
PHRASES = {
    200: "Connection established",
    400: "Bad Request",
    403: "Forbidden",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def request(host: str, port: int) -> bytes:
    """What a client sends."""
    return f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()


def parse(head: bytes) -> tuple[str, int]:
    """Host and port that a request asks for; `head` ends with the empty line.

    Raises:
        PeerError: it is no CONNECT.
    """
    line = head.partition(b"\r\n")[0]
    found = REQUEST.fullmatch(line)
    if found is None or not 0 < int(found[2]) < 1 << 16:
        raise PeerError(f"expected CONNECT HOST:PORT of HTTP/1, found {line[:60]!r}")
    return found[1].decode(), int(found[2])


def reply(status: int) -> bytes:
    """The answer with a status; a refusal ends the connection."""
    closing = "" if status == 200 else "Content-Length: 0\r\nConnection: close\r\n"
    return f"HTTP/1.1 {status} {PHRASES[status]}\r\n{closing}\r\n".encode()


def status(head: bytes) -> int:
    """The status of an answer.

    Raises:
        PeerError: it is none.
    """
    found = STATUS.match(head)
    if found is None:
        raise PeerError(f"expected an answer of HTTP/1, found {head[:60]!r}")
    return int(found[1])
