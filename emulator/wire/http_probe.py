"""What a health probe by Http or Https asks, and the status that it is answered with.

https://learn.microsoft.com/azure/load-balancer/load-balancer-custom-probe-overview: a GET of the probe's path; up is
a 200 and nothing else, whatever follows the status line.
"""

import re

from emulator.errors import PeerError

STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: [^\r\n]*)?\r?\n")
MAX_LINE_BYTES = 4096
OK = 200


def request(host: str, path: str) -> bytes:
    """The request of a probe; it asks for no second one on its connection."""
    absolute = path if path.startswith("/") else f"/{path}"
    return f"GET {absolute} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode()


def status(line: bytes) -> int:
    """The status that an answer begins with, from its first line.

    Raises:
        PeerError: this is no status line of HTTP/1.
    """
    found = STATUS.fullmatch(line)
    if found is None:
        raise PeerError(f"expected a status line of HTTP/1, found {line[:40]!r}")
    return int(found[1])
