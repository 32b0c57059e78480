"""Loopback addresses that stand for Azure's.

Each Azure address gets one of 127.60.0.0/14, allocated, never computed: Azure networks may overlap each other and
the machine's own. Where only 127.0.0.1 can be bound (macOS) every address is that one, and the source of a
connection travels in the hop header alone.
"""

import contextlib
import secrets
import socket
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

POOL = IPv4Network("127.60.0.0/14")
ONLY = "127.0.0.1"


def can_bind(address: str) -> bool:
    """Whether this machine lets us bind an address."""
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


class Transport(Protocol):
    """Where Azure's addresses are, on whatever network carries the channel; `exact` if each has one of its own."""

    exact: bool

    def of(self, address: IPv4Address) -> str:
        """The transport address of an Azure address."""
        ...

    def sources(self) -> Mapping[str, IPv4Address]:
        """Transport addresses, and the Azure addresses they stand for."""
        ...


class Loopback:
    """Allocates transport addresses; `exact` says whether each Azure address has one of its own."""

    def __init__(self, *, exact: bool | None = None) -> None:
        # A block at random, so that two emulators on one machine rarely meet on an address; ports keep them apart.
        first = int(POOL.network_address) + 256 * secrets.randbelow(POOL.num_addresses // 256)
        self._next = first + 1
        self._given: dict[IPv4Address, str] = {}
        self._sources: dict[str, IPv4Address] = {}
        self.exact = can_bind(str(IPv4Address(self._next))) if exact is None else exact

    def of(self, address: IPv4Address) -> str:
        """The transport address of an Azure address; the same for every call."""
        if not self.exact:
            return ONLY
        if address not in self._given:
            self._given[address] = str(IPv4Address(self._next))
            self._sources[self._given[address]] = address
            self._next += 1
        return self._given[address]

    def sources(self) -> Mapping[str, IPv4Address]:
        """Transport addresses given so far, and what they stand for."""
        return self._sources
