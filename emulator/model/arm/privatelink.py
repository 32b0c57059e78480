"""How Azure writes private link services and private endpoints (azure.md 4.1)."""

from collections.abc import Mapping
from typing import Any

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import ADDRESS, BOOLEAN, ID, REFERENCE, TEXT, Kind, choice, each, whole
from emulator.model.arm.shape import Field, Shape, parts
from emulator.model.arm.terms import LOCATION, NETWORK_TYPE
from emulator.model.arm.view import View
from emulator.model.network import Address
from emulator.model.privatelink import (
    EndpointConnection,
    NatConfiguration,
    PrivateEndpoint,
    PrivateLinkService,
    ServiceConnection,
)

STATE = choice("Pending", "Approved", "Rejected", "Removed", "Disconnected")
NAT = Shape(
    NatConfiguration,
    (
        Field("address", "privateIPAddress", ADDRESS),
        Field("subnet", "subnet", REFERENCE),
        Field("primary", "primary", BOOLEAN),
    ),
)
CONNECTION = Shape(
    EndpointConnection,
    (
        Field("endpoint", "privateEndpoint", REFERENCE),
        Field("state", "privateLinkServiceConnectionState.status", STATE),
        Field("link", "linkIdentifier", whole(0, 0xFFFFFFFF, as_text=True)),
    ),
)
SERVICE = Shape(
    PrivateLinkService,
    (
        LOCATION,
        Field("frontends", "loadBalancerFrontendIpConfigurations", each(REFERENCE)),
        Field("nat", "ipConfigurations", parts("ipConfigurations", NAT)),
        Field("connections", "privateEndpointConnections", parts("privateEndpointConnections", CONNECTION)),
        Field("visibility", "visibility.subscriptions", each(TEXT)),
        Field("auto_approval", "autoApproval.subscriptions", each(TEXT)),
        Field("proxy_protocol", "enableProxyProtocol", BOOLEAN),
    ),
    type=NETWORK_TYPE + "privateLinkServices",
)
OWN_CONNECTION = Shape(
    ServiceConnection,
    (
        Field("service", "privateLinkServiceId", ID),
        Field("state", "privateLinkServiceConnectionState.status", STATE),
    ),
)


def _configured(found: Any, place: Place) -> Address | None:
    """The first of `[{"name": …, "properties": {"privateIPAddress": …}}]`; an empty list asks for none."""
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        place.wrong(found, "a list of objects")
        return None
    asked = [View(item).within("privateIPAddress") for item in found]
    return ADDRESS.read(asked[0], place.item(0).at("privateIPAddress")) if asked else None


def _write_configured(address: Address) -> list[dict[str, Any]]:
    return [{"name": "ipconfig", "properties": {"privateIPAddress": str(address)}}]


ENDPOINT = Shape(
    PrivateEndpoint,
    (
        LOCATION,
        Field("subnet", "subnet", REFERENCE),
        Field(
            "connections",
            "privateLinkServiceConnections",
            parts("privateLinkServiceConnections", OWN_CONNECTION),
        ),
        Field(
            "manual_connections",
            "manualPrivateLinkServiceConnections",
            parts("manualPrivateLinkServiceConnections", OWN_CONNECTION),
        ),
        Field("configured", "ipConfigurations", Kind(_configured, _write_configured), lossy=True),
        Field("interfaces", "networkInterfaces", each(REFERENCE)),
    ),
    type=NETWORK_TYPE + "privateEndpoints",
)
