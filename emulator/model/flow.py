"""A flow: who speaks to whom, in Azure's addresses."""

import enum
from dataclasses import dataclass
from ipaddress import IPv4Address


class Protocol(enum.Enum):
    """A transport protocol of security and load-balancing rules; the value is its IANA number."""

    TCP = 6
    UDP = 17

    @property
    def number(self) -> int:
        """The IANA protocol number."""
        return self.value


@dataclass(frozen=True, slots=True)
class Flow:
    """A five-tuple, as the first packet of a connection has it."""

    source: IPv4Address
    source_port: int
    destination: IPv4Address
    destination_port: int
    protocol: Protocol = Protocol.TCP

    def __str__(self) -> str:
        return f"{self.source}:{self.source_port} → {self.destination}:{self.destination_port}"
