"""IPv4 ranges as people write them, read quickly: a security group can have thousands."""

import re
from functools import lru_cache

OCTET = r"(0|[1-9][0-9]{0,2})"
CIDR = re.compile(rf"{OCTET}\.{OCTET}\.{OCTET}\.{OCTET}(?:/([0-9]{{1,2}}))?")


@lru_cache(maxsize=65536)
def cidr(text: str) -> tuple[int, int] | None:
    """First and last address of an IPv4 address or CIDR range, as numbers; None for anything else.

    `ipaddress` says the same of these in ten times the time, and groups have thousands of them.
    """
    found = CIDR.fullmatch(text)
    if found is None:
        return None
    octets = tuple(map(int, found.groups("32")))
    length = octets[4]
    if max(octets[:4]) > 255 or length > 32:
        return None
    first = (octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]) >> (32 - length) << (32 - length)
    return first, first | (0xFFFFFFFF >> length)
