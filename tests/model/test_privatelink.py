"""Private link's two ends."""

from ipaddress import IPv4Address, ip_address

import pytest

from emulator.errors import NotLoadedError
from emulator.model.ids import resource_id
from emulator.model.privatelink import NatConfiguration, PrivateEndpoint, PrivateLinkService, ServiceConnection
from tests.worlds import world


def test_endpoint_and_service_belong_together() -> None:
    """The default endpoint is approved and leads to the service, which leads to the balancer."""
    found = world()
    assert found.endpoint
    assert found.service
    assert found.balancer

    assert found.endpoint.state == "Approved"
    assert found.endpoint.service == found.service.id
    assert found.service.load_balancer == found.balancer.id


SERVICE = resource_id("Microsoft.Network/privateLinkServices", "s")
ENDPOINT = resource_id("Microsoft.Network/privateEndpoints", "e")


def service(*addresses: str | None, primary: int | None = None) -> PrivateLinkService:
    """A service with these NAT addresses, one of them marked primary."""
    return PrivateLinkService(
        SERVICE,
        tuple(
            NatConfiguration(str(n), ip_address(each) if each else None, primary=n == primary)
            for n, each in enumerate(addresses)
        ),
    )


def test_the_nat_address() -> None:
    """The NAT address is the primary IPv4 one, or else the first; a service without one says so."""
    assert service("10.0.0.5", "10.0.0.6", primary=1).nat_address == IPv4Address("10.0.0.6")
    assert service(None, "fd00::5", "10.0.0.6").nat_address == IPv4Address("10.0.0.6")
    assert [str(each) for each in service(None, "10.0.0.5", "10.0.0.6").nat_addresses] == ["10.0.0.5", "10.0.0.6"]
    assert (service().subnet, service().load_balancer) == (None, None)
    with pytest.raises(NotLoadedError, match="has no NAT address"):
        str(service("fd00::5").nat_address)


def test_the_connection_of_an_endpoint() -> None:
    """An endpoint has the state of its connection, of either kind; without one it is connected to nothing."""
    by_hand = PrivateEndpoint(ENDPOINT, manual_connections=(ServiceConnection("c", SERVICE, "Rejected"),))
    bare = PrivateEndpoint(ENDPOINT)

    assert (by_hand.service, by_hand.state) == (SERVICE, "Rejected")
    assert (bare.connection, bare.service, bare.state) == (None, None, "Disconnected")
