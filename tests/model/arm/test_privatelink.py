"""Private link services and private endpoints as Azure writes them."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from tests.documents import DATA, document, finding, one

SERVICE, ENDPOINT = "Microsoft.Network/privateLinkServices", "Microsoft.Network/privateEndpoints"
SERVICE_ID = ResourceId(document(SERVICE, {})["id"])
STATE = "privateLinkServiceConnectionState"


def with_connection(**fields: Any) -> dict[str, Any]:
    """A service with one connection."""
    return document(SERVICE, {"privateEndpointConnections": [{"name": "c", "properties": fields}]})


def connected(field: str, status: str) -> dict[str, Any]:
    """An endpoint connected to the service by one of the two fields."""
    properties = {"privateLinkServiceId": SERVICE_ID.text, STATE: {"status": status}}
    return document(ENDPOINT, {field: [{"name": "c", "properties": properties}]})


def test_the_published_service() -> None:
    """Azure's own example of a service is read with its addresses, frontends and connections."""
    path = DATA / "azure" / "network" / "PrivateLinkServiceGet.json"
    found = one(PrivateLinkService, arm.load_json("a.json", path.read_bytes()))

    assert (found.nat_address, len(found.frontends)) == (IPv4Address("10.0.1.4"), 1)
    assert found.load_balancer
    assert [each.state for each in found.connections] == ["Approved"]
    assert found.visibility[:1] == found.auto_approval[:1]
    assert found.proxy_protocol is False


@pytest.mark.parametrize("link", ["536890208", 536890208])
def test_the_link_of_a_connection(link: object) -> None:
    """The identifier of a connection, text in Azure, is a number; a state that nobody said is none."""
    (connection,) = one(PrivateLinkService, with_connection(linkIdentifier=link)).connections

    assert (connection.link, connection.state, connection.endpoint) == (536890208, None, None)
    assert (
        arm.dump(one(PrivateLinkService, with_connection(linkIdentifier=link)))["properties"][
            "privateEndpointConnections"
        ][0]["properties"]["linkIdentifier"]
        == "536890208"
    )


@pytest.mark.parametrize("field", ["privateLinkServiceConnections", "manualPrivateLinkServiceConnections"])
@pytest.mark.parametrize("status", ["Approved", "rejected", "Removed"])
def test_an_endpoint(field: str, status: str) -> None:
    """An endpoint knows its service and its state, whether it was approved by itself or by hand."""
    found = one(PrivateEndpoint, connected(field, status))

    assert (found.service, found.state) == (SERVICE_ID, status.capitalize())


@pytest.mark.parametrize(
    ("items", "address"),
    [
        ([], None),
        ([{"name": "a", "properties": {"privateIPAddress": "10.0.0.5"}}], IPv4Address("10.0.0.5")),
        ([{"PrivateIPAddress": "10.0.0.5"}, {"PrivateIPAddress": "10.0.0.6"}], IPv4Address("10.0.0.5")),
    ],
)
def test_an_address_that_was_asked_for(items: list[Any], address: IPv4Address | None) -> None:
    """An endpoint may be given an address; the first one counts."""
    found = one(PrivateEndpoint, document(ENDPOINT, {"ipConfigurations": items}))

    assert found.configured == address
    assert one(PrivateEndpoint, arm.dump(found)) == found


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        document(ENDPOINT, {"ipConfigurations": {}}),
        "ipConfigurations: found an object of 0, expected a list of objects",
    ),
    (
        document(ENDPOINT, {"ipConfigurations": [5]}),
        "ipConfigurations: found a list of 1, expected a list of objects",
    ),
    (document(ENDPOINT, {"ipConfigurations": [{}]}), "ipConfigurations[0].privateIPAddress: found nothing, expected"),
    (
        connected("privateLinkServiceConnections", "Fine"),
        "expected one of Pending, Approved, Rejected, Removed, Disco",
    ),
    (with_connection(linkIdentifier=2**32), "linkIdentifier: found 4294967296, expected a whole number from 0 to"),
]


@pytest.mark.parametrize(("value", "expected"), WRONG)
def test_what_is_refused(value: dict[str, Any], expected: str) -> None:
    """A wrong field is named with its place and what is allowed."""
    assert expected in finding(value)
