"""Virtual networks, subnets, interfaces, public IPs and security groups."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Literal

from emulator.model.ids import ResourceId

PORTS = re.compile(r"\s*([0-9]{1,5})\s*(?:-\s*([0-9]{1,5})\s*)?")
Direction = Literal["Inbound", "Outbound"]
Access = Literal["Allow", "Deny"]
RuleProtocol = Literal["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"]


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
ANY_ADDRESS = ("*",)


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One rule of a network security group.

    Address prefixes are kept as Azure writes them: `*`, an address, a CIDR range, or a service tag.
    """

    name: str
    priority: int
    direction: Direction
    access: Access
    protocol: RuleProtocol = "*"
    source_prefixes: tuple[str, ...] = ANY_ADDRESS
    source_ports: tuple[PortRange, ...] = ANY_PORT
    destination_prefixes: tuple[str, ...] = ANY_ADDRESS
    destination_ports: tuple[PortRange, ...] = ANY_PORT
    description: str = ""


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group: its own rules; Azure's default rules follow them unwritten."""

    id: ResourceId
    rules: tuple[SecurityRule, ...] = ()
    location: str = "westeurope"


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet; policies as Azure defaults them (azure.md 1.4: a fresh subnet has the service policy Enabled)."""

    id: ResourceId
    prefix: IPv4Network
    group: ResourceId | None = None
    private_link_service_policies: Literal["Enabled", "Disabled"] = "Enabled"


@dataclass(frozen=True, slots=True)
class VirtualNetwork:
    """A virtual network."""

    id: ResourceId
    prefixes: tuple[IPv4Network, ...]
    subnets: tuple[Subnet, ...] = ()
    location: str = "westeurope"

    def __contains__(self, address: IPv4Address) -> bool:
        return any(address in prefix for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface with one IP configuration."""

    id: ResourceId
    address: IPv4Address
    subnet: ResourceId
    group: ResourceId | None = None
    public_address: IPv4Address | None = None


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
