"""How Azure writes networks, interfaces, routes and service tags."""

from ipaddress import ip_interface
from typing import Any

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import (
    ADDRESS,
    ADDRESS4,
    BOOLEAN,
    NETWORK,
    REFERENCE,
    TEXT,
    Kind,
    choice,
    each,
    whole,
)
from emulator.model.arm.shape import Field, Shape, parts
from emulator.model.arm.terms import LOCATION, NETWORK_TYPE, PREFIX
from emulator.model.arm.view import View
from emulator.model.network import (
    Address,
    Interface,
    IpConfiguration,
    Network,
    Peering,
    PublicIp,
    Route,
    RouteTable,
    ServiceTags,
    Subnet,
    VirtualNetwork,
)

ROUTE = Shape(
    Route,
    (
        Field("prefix", "addressPrefix", PREFIX, required=True),
        Field(
            "next_hop",
            "nextHopType",
            choice("VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None"),
            required=True,
        ),
        Field("address", "nextHopIpAddress", ADDRESS4),
    ),
)


def _routes_have_hops(table: RouteTable, place: Place) -> None:
    for route in table.routes:
        if route.next_hop == "VirtualAppliance" and route.address is None:
            at = place.of(table.id.child("routes", route.name).text).at("nextHopIpAddress")
            at.wrong(None, "the address of the virtual appliance")


ROUTE_TABLE = Shape(
    RouteTable,
    (
        LOCATION,
        Field("routes", "routes", parts("routes", ROUTE)),
        Field("bgp_disabled", "disableBgpRoutePropagation", BOOLEAN),
    ),
    type=NETWORK_TYPE + "routeTables",
    check=_routes_have_hops,
)


def _delegations(found: Any, place: Place) -> tuple[str, ...] | None:
    """Names of services, out of `[{"name": …, "properties": {"serviceName": …}}]`."""
    if not isinstance(found, list):
        place.wrong(found, "a list")
        return None
    names = []
    for item in found:
        keys = {key.lower(): value for key, value in item.items()} if isinstance(item, dict) else {}
        inner = keys.get("properties")
        keys |= {key.lower(): value for key, value in inner.items()} if isinstance(inner, dict) else {}
        names.append(keys.get("servicename"))
    return each(TEXT).read(names, place.at("serviceName"))


def _write_delegation(service: str) -> dict[str, Any]:
    return {"name": service.rpartition("/")[2], "properties": {"serviceName": service}}


DELEGATIONS: Kind[tuple[str, ...]] = Kind(_delegations, lambda values: [_write_delegation(value) for value in values])
SUBNET = Shape(
    Subnet,
    (
        Field("prefixes", "addressPrefix", NETWORK, plural="addressPrefixes", required=True),
        Field("group", "networkSecurityGroup", REFERENCE),
        Field("private_link_service_policies", "privateLinkServiceNetworkPolicies", choice("Enabled", "Disabled")),
        Field(
            "private_endpoint_policies",
            "privateEndpointNetworkPolicies",
            choice("Enabled", "Disabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled"),
        ),
        Field("route_table", "routeTable", REFERENCE),
        Field("nat_gateway", "natGateway", REFERENCE),
        Field("default_outbound", "defaultOutboundAccess", BOOLEAN),
        Field("delegations", "delegations", DELEGATIONS, lossy=True),
    ),
)
PEERING = Shape(
    Peering,
    (
        Field("remote", "remoteVirtualNetwork", REFERENCE, required=True),
        Field("state", "peeringState", choice("Initiated", "Connected", "Disconnected")),
        Field("access", "allowVirtualNetworkAccess", BOOLEAN),
        Field("forwarded", "allowForwardedTraffic", BOOLEAN),
        Field(
            "remote_prefixes",
            "remoteAddressSpace.addressPrefixes",
            each(NETWORK),
            older=("remoteVirtualNetworkAddressSpace.addressPrefixes",),
        ),
    ),
)
VIRTUAL_NETWORK = Shape(
    VirtualNetwork,
    (
        LOCATION,
        Field("prefixes", "addressSpace.addressPrefixes", each(NETWORK), required=True),
        Field("subnets", "subnets", parts("subnets", SUBNET)),
        Field("peerings", "virtualNetworkPeerings", parts("virtualNetworkPeerings", PEERING)),
        Field("flow_timeout_minutes", "flowTimeoutInMinutes", whole(4, 30)),
    ),
    type=NETWORK_TYPE + "virtualNetworks",
)


def _first_of_block(found: Any, place: Place) -> Address | None:
    """An address, or the first of a block of them, as `172.20.2.16/28`."""
    try:
        return ip_interface(found).ip if isinstance(found, str) else ADDRESS.read(found, place)
    except ValueError:
        return ADDRESS.read(found, place)


def _few_groups(configuration: IpConfiguration, place: Place) -> None:
    if len(configuration.groups) > MAX_GROUPS:
        allowed = f"at most {MAX_GROUPS} application security groups"
        place.at("applicationSecurityGroups").wrong(len(configuration.groups), allowed)


MAX_GROUPS = 20
"""Application security groups of one IP configuration (azure.md 2.6)."""
IP_CONFIGURATION = Shape(
    IpConfiguration,
    (
        Field("address", "privateIPAddress", Kind(_first_of_block, str)),
        Field("prefix_length", "privateIPAddressPrefixLength", whole(0, 128)),
        Field("primary", "primary", BOOLEAN),
        Field("subnet", "subnet", REFERENCE),
        Field("public_ip", "publicIPAddress", REFERENCE),
        Field("groups", "applicationSecurityGroups", each(REFERENCE)),
        Field("pools", "loadBalancerBackendAddressPools", each(REFERENCE)),
    ),
    check=_few_groups,
)
INTERFACE = Shape(
    Interface,
    (
        LOCATION,
        Field("configurations", "ipConfigurations", parts("ipConfigurations", IP_CONFIGURATION)),
        Field("group", "networkSecurityGroup", REFERENCE),
        Field("machine", "virtualMachine", REFERENCE),
        Field("forwarding", "enableIPForwarding", BOOLEAN),
    ),
    type=NETWORK_TYPE + "networkInterfaces",
)
PUBLIC_IP = Shape(
    PublicIp, (LOCATION, Field("address", "ipAddress", ADDRESS)), type=NETWORK_TYPE + "publicIPAddresses"
)


def _tag_values(found: Any, place: Place) -> tuple[tuple[str, tuple[Network, ...]], ...] | None:
    """`[{"name": "Storage", "properties": {"addressPrefixes": […]}}]`."""
    if not isinstance(found, list):
        place.wrong(found, "a list")
        return None
    tags = [_tag_value(item, place.item(index)) for index, item in enumerate(found)]
    return tuple(tag for tag in tags if tag)


def _tag_value(item: Any, place: Place) -> tuple[str, tuple[Network, ...]] | None:
    view = View(item) if isinstance(item, dict) else View({})
    name, prefixes = view.beside("name"), view.within("addressPrefixes")
    if not isinstance(name, str):
        place.wrong(item, "a service tag with a `name`")
        return None
    return name, each(NETWORK).read(prefixes or [], place.at("addressPrefixes")) or ()


def _write_tags(values: Any) -> list[dict[str, Any]]:
    return [
        {"name": name, "id": name, "properties": {"addressPrefixes": [str(each_) for each_ in prefixes]}}
        for name, prefixes in values
    ]


SERVICE_TAGS = Shape(
    ServiceTags,
    (Field("tags", "values", Kind(_tag_values, _write_tags), required=True, lossy=True),),
    type=NETWORK_TYPE + "serviceTags",
    properties=False,
)
