"""Private link: the service on the provider's side, the endpoint on the consumer's."""

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from emulator.model.ids import ResourceId

ConnectionState = Literal["Pending", "Approved", "Rejected", "Disconnected"]
"""Only Approved carries traffic (https://learn.microsoft.com/azure/private-link/manage-private-endpoint)."""


@dataclass(frozen=True, slots=True)
class PrivateLinkService:
    """A private link service in front of a load balancer; its NAT address is the source that backends see."""

    id: ResourceId
    nat_address: IPv4Address
    subnet: ResourceId
    load_balancer: ResourceId
    location: str = "westeurope"


@dataclass(frozen=True, slots=True)
class PrivateEndpoint:
    """A private endpoint and the state of its connection."""

    id: ResourceId
    address: IPv4Address
    subnet: ResourceId
    service: ResourceId
    state: ConnectionState = "Approved"
    location: str = "westeurope"
