"""Ports and ranges of them, as rules name them."""

import re
from dataclasses import dataclass

PORTS = re.compile(r"\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5})\s*)?")


@dataclass(frozen=True, slots=True)
class PortRange:
    """Ports from first to last, inclusive."""

    first: int = 0
    last: int = 65535

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        if (self.first, self.last) == (0, 65535):
            return "*"
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


ANY_PORT = (PortRange(),)


def port_range(text: str) -> PortRange:
    """The range in `*`, `22` or `60000-60001`.

    Raises:
        ValueError: it is none of these, or a port is not within 0 to 65535.
    """
    if text == "*":
        return PortRange()
    parts = PORTS.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is not a port or a range of ports")
    found = PortRange(int(parts[1]), int(parts[2] or parts[1]))
    if not found.first <= found.last <= 65535:
        raise ValueError(f"{text!r} is not a port range within 0-65535")
    return found
