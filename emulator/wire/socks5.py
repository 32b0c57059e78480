"""SOCKS version 5, as much of it as a proxy without logins needs (RFC 1928)."""

import struct
from ipaddress import IPv4Address

from emulator.errors import PeerError

VERSION, CONNECT = 5, 1
NO_LOGIN, NONE_ACCEPTABLE = 0, 0xFF
IPV4, NAME, IPV6 = 1, 3, 4
GRANTED, NOT_ALLOWED, HOST_UNREACHABLE, REFUSED, NOT_SUPPORTED = 0, 2, 4, 5, 7
GREETING_BYTES, REQUEST_BYTES = 2, 5
"""What must be read to know how long a greeting, and a request, is."""
ANSWER_BYTES = 10


def greeting() -> bytes:
    """A client's first word: it has no login."""
    return bytes((VERSION, 1, NO_LOGIN))


def methods(start: bytes) -> int:
    """How many bytes of methods follow the first two of a greeting.

    Raises:
        PeerError: it is no greeting of version 5.
    """
    if len(start) != GREETING_BYTES or start[0] != VERSION:
        raise PeerError(f"expected a greeting of SOCKS 5, found {start!r}")
    return start[1]


def chosen(offered: bytes) -> bytes:
    """The answer to a greeting's methods."""
    return bytes((VERSION, NO_LOGIN if NO_LOGIN in offered else NONE_ACCEPTABLE))


def request(host: str, port: int) -> bytes:
    """A client's request."""
    try:
        address = bytes((IPV4,)) + IPv4Address(host).packed
    except ValueError:
        address = bytes((NAME, len(host))) + host.encode()
    return bytes((VERSION, CONNECT, 0)) + address + struct.pack("!H", port)


def rest(start: bytes) -> int:
    """How many bytes follow the first five of a request.

    Raises:
        PeerError: it is no request to connect to an IPv4 address or a name.
    """
    if len(start) != REQUEST_BYTES or start[0] != VERSION or start[1] != CONNECT or start[3] not in (IPV4, NAME):
        raise PeerError(f"expected a SOCKS 5 request to connect to an IPv4 address or a name, found {start!r}")
    return 5 if start[3] == IPV4 else start[4] + 2


def parse(whole: bytes) -> tuple[str, int]:
    """Host and port of a whole request.

    Raises:
        PeerError: it is none.
    """
    if len(whole) < REQUEST_BYTES or len(whole) != REQUEST_BYTES + rest(whole[:REQUEST_BYTES]):
        raise PeerError(f"expected a whole SOCKS 5 request, found {len(whole)} bytes")
    host = str(IPv4Address(whole[4:8])) if whole[3] == IPV4 else whole[5:-2].decode("ascii", "replace")
    return host, int(struct.unpack("!H", whole[-2:])[0])


def reply(code: int) -> bytes:
    """The answer to a request."""
    return bytes((VERSION, code, 0, IPV4)) + bytes(6)


def code(answer: bytes) -> int:
    """The code of an answer.

    Raises:
        PeerError: it is none.
    """
    if len(answer) != ANSWER_BYTES or answer[0] != VERSION or answer[3] != IPV4:
        raise PeerError(f"expected an answer of SOCKS 5, found {answer!r}")
    return answer[1]
