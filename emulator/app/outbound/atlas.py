"""Where a guest's traffic really goes: mapped places, public addresses, never this machine or its networks."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address
from urllib.parse import urlsplit

from emulator.rules.routes import PLATFORM_SERVICES

STAND_INS = IPv4Network("192.0.2.0/24")
"""Addresses for documentation (RFC 5737), with which mapped names are answered: no service has them."""
Place = tuple[str, int]


@dataclass(slots=True)
class Atlas:
    """The map of the settings, and whether public addresses are dialled at all.

    Attributes:
        places: `ADDRESS-OR-NAME[:PORT]`, and the `HOST:PORT` at which the traffic really goes.
        dials: whether what is not mapped, and public, is dialled.
        control: the URL of the control API, which no guest reaches.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    dials: bool = True
    control: Callable[[], str] = lambda: ""
    _names: dict[IPv4Address, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        named = dict.fromkeys(key.partition(":")[0].lower() for key in self.places)
        names = [each for each in named if not _is_address(each)]
        self._names = dict(zip(STAND_INS.hosts(), names, strict=False))

    def stand_in(self, name: str) -> IPv4Address | None:
        """The address that stands for a mapped name."""
        return next((address for address, each in self._names.items() if each == name), None)

    def mapped(self, address: IPv4Address, port: int) -> Place | None:
        """Where traffic to an address and port really goes, if the map says so."""
        lowered = {key.lower(): place for key, place in self.places.items()}
        for name in (str(address), self._names.get(address, "")):
            place = lowered.get(f"{name}:{port}") or lowered.get(name) if name else None
            if place is not None:
                host, _, number = place.rpartition(":")
                return host.strip("[]"), int(number)
        return None

    def is_dialled(self, address: IPv4Address) -> bool:
        """Whether an address that is not mapped is dialled: a public one of another machine.

        Azure's host has a public address (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16),
        and where this machine is a VM of Azure's it would tell a guest that machine's own secrets.
        """
        is_public = address.is_global and not address.is_multicast and address not in PLATFORM_SERVICES
        return self.dials and is_public and not is_own(str(address))

    async def found(self, place: Place) -> Place | None:
        """A mapped place, its name looked up; None where it is not known, or is the control API.

        A mapped place may be of this machine: whoever wrote the map wants that.
        """
        found, control = await _addresses(place[0]), urlsplit(self.control())
        host = found[0] if found else ""
        if place[1] == control.port and host and (is_own(host) or host in await _addresses(control.hostname or "")):
            return None
        return (host, place[1]) if host else None


async def _addresses(name: str) -> list[str]:
    """The addresses of a name; none where it is not known."""
    try:
        answers = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return []
    return [str(address[0]) for *_, address in answers]


def _is_address(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(IPv4Address(text)) or True
    return False


def is_own(host: str) -> bool:
    """Whether an address is this machine's own: loopback, or its own source as well."""
    address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return is_own(str(address.ipv4_mapped))
    if address.is_loopback or address.is_unspecified:
        return True
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))  # nothing is sent
        return bool(probe.getsockname()[0] == host)
    return False
