"""Private link: the service on the provider's side, the endpoint on the consumer's."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from emulator.errors import NotLoadedError
from emulator.model.ids import ResourceId
from emulator.model.kept import NOTHING, Kept
from emulator.model.network import Address

ConnectionState = Literal["Pending", "Approved", "Rejected", "Removed", "Disconnected"]
"""Only Approved carries traffic (https://learn.microsoft.com/azure/private-link/manage-private-endpoint)."""


@dataclass(frozen=True, slots=True)
class NatConfiguration:
    """An IP configuration of a private link service: an address that its backends see as the source."""

    name: str
    address: Address | None = None
    subnet: ResourceId | None = None
    primary: bool = True
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class EndpointConnection:
    """A private endpoint's connection as the service has it.

    Attributes:
        state: None where nobody said one yet: the lists of the service decide.
        link: PROXY v2's LINKID.
    """

    id: ResourceId
    endpoint: ResourceId | None = None
    state: ConnectionState | None = None
    link: int | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PrivateLinkService:
    """A private link service in front of load balancer frontends."""

    id: ResourceId
    nat: tuple[NatConfiguration, ...] = ()
    frontends: tuple[ResourceId, ...] = ()
    connections: tuple[EndpointConnection, ...] = ()
    visibility: tuple[str, ...] = ()
    auto_approval: tuple[str, ...] = ()
    proxy_protocol: bool = False
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def nat_address(self) -> IPv4Address:
        """The primary NAT address.

        Raises:
            NotLoadedError: it has none.
        """
        found = [each for each in self.nat if isinstance(each.address, IPv4Address)]
        first = next((each for each in found if each.primary), found[0] if found else None)
        if first is None or not isinstance(first.address, IPv4Address):
            raise NotLoadedError(f"private link service {self.id} has no NAT address")
        return first.address

    @property
    def nat_addresses(self) -> tuple[IPv4Address, ...]:
        """Every NAT address."""
        return tuple(each.address for each in self.nat if isinstance(each.address, IPv4Address))

    @property
    def subnet(self) -> ResourceId | None:
        """The subnet of its NAT addresses."""
        return next((each.subnet for each in self.nat if each.subnet), None)

    @property
    def load_balancer(self) -> ResourceId | None:
        """The load balancer whose frontend it leads to."""
        return next((each.parent for each in self.frontends), None)


@dataclass(frozen=True, slots=True)
class ServiceConnection:
    """A private endpoint's own side of its connection to a service; without a state the service's lists decide."""

    name: str
    service: ResourceId | None = None
    state: ConnectionState | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PrivateEndpoint:
    """A private endpoint.

    Attributes:
        configured: an address that was asked for; most endpoints have theirs from their interface.
        interfaces: the interface that Azure made for it.
    """

    id: ResourceId
    subnet: ResourceId | None = None
    connections: tuple[ServiceConnection, ...] = ()
    manual_connections: tuple[ServiceConnection, ...] = ()
    configured: Address | None = None
    interfaces: tuple[ResourceId, ...] = ()
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def connection(self) -> ServiceConnection | None:
        """Its connection, approved by itself or by hand."""
        return next(iter((*self.connections, *self.manual_connections)), None)

    @property
    def service(self) -> ResourceId | None:
        """The service it is connected to."""
        return self.connection.service if self.connection else None

    @property
    def state(self) -> ConnectionState:
        """The state of its connection as this side has it."""
        return (self.connection.state or "Pending") if self.connection else "Disconnected"
