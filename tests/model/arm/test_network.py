"""Networks, interfaces, routes and service tags as Azure writes them."""

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, PublicIp, RouteTable, ServiceTags, VirtualNetwork
from tests.documents import DATA, document, finding, one

NET, NIC = "Microsoft.Network/virtualNetworks", "Microsoft.Network/networkInterfaces"
TABLE, TAGS = "Microsoft.Network/routeTables", "Microsoft.Network/serviceTags"
SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}
CONTAINERS = "Microsoft.ContainerInstance/containerGroups"


def with_subnet(**fields: Any) -> dict[str, Any]:
    """A network with one subnet."""
    subnet = {"name": "s", "properties": {"addressPrefix": "10.0.0.0/24", **fields}}
    return document(NET, {**SPACE, "subnets": [subnet]})


def with_peering(**fields: Any) -> dict[str, Any]:
    """A network with one peering."""
    peering = {"name": "p", "properties": {"remoteVirtualNetwork": {"id": "/v"}, **fields}}
    return document(NET, {**SPACE, "virtualNetworkPeerings": [peering]})


def with_configuration(**fields: Any) -> dict[str, Any]:
    """An interface with one configuration."""
    return document(NIC, {"ipConfigurations": [{"name": "c", "properties": fields}]})


def with_route(**fields: Any) -> dict[str, Any]:
    """A route table with one route."""
    route = {"name": "r", "properties": {"addressPrefix": "0.0.0.0/0", "nextHopType": "VirtualAppliance", **fields}}
    return document(TABLE, {"routes": [route]})


# A delegation as REST prints it, as the Azure CLI does, and as PowerShell does.
DELEGATIONS = [
    {"name": "d", "properties": {"serviceName": CONTAINERS, "actions": []}},
    {"name": "d", "serviceName": CONTAINERS},
    {"Name": "d", "ServiceName": CONTAINERS},
]


@pytest.mark.parametrize("item", DELEGATIONS)
def test_delegations(item: dict[str, Any]) -> None:
    """The service that a subnet is delegated to is read in every tool's form."""
    assert one(VirtualNetwork, with_subnet(delegations=[item])).subnets[0].delegations == (CONTAINERS,)


def test_a_subnet() -> None:
    """A subnet has its prefixes from either field, and Azure's defaults for the rest (azure.md 1.4)."""
    several = with_subnet(addressPrefix=None, addressPrefixes=["10.0.0.0/24", "10.0.1.0/24"])
    (bare,) = one(VirtualNetwork, with_subnet()).subnets
    (private,) = one(VirtualNetwork, with_subnet(defaultOutboundAccess=False, natGateway={"id": "/n"})).subnets

    assert len(one(VirtualNetwork, several).subnets[0].prefixes) == 2
    assert (bare.prefixes, bare.group, bare.route_table) == ((IPv4Network("10.0.0.0/24"),), None, None)
    assert (bare.private_link_service_policies, bare.private_endpoint_policies) == ("Enabled", "Disabled")
    assert (bare.default_outbound, bare.delegations, bare.nat_gateway) == (None, (), None)
    assert (private.default_outbound, private.nat_gateway) == (False, ResourceId("/n"))


# The remote address space has an older name beside the newer one.
SPACES: list[tuple[dict[str, Any], int]] = [
    ({}, 0),
    ({"remoteAddressSpace": {"addressPrefixes": ["10.1.0.0/16"]}}, 1),
    ({"remoteVirtualNetworkAddressSpace": {"addressPrefixes": ["10.1.0.0/16", "10.2.0.0/16"]}}, 2),
    (
        {
            "remoteAddressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "remoteVirtualNetworkAddressSpace": {"addressPrefixes": ["10.1.0.0/16", "10.2.0.0/16"]},
        },
        1,
    ),
]


@pytest.mark.parametrize(("fields", "count"), SPACES)
def test_a_peering(fields: dict[str, Any], count: int) -> None:
    """A peering names the other network and may say its address space."""
    value = with_peering(**fields)
    found = one(VirtualNetwork, value)
    (peering,) = found.peerings

    assert (peering.remote, len(peering.remote_prefixes), peering.connected) == (ResourceId("/v"), count, True)
    assert one(VirtualNetwork, arm.dump(found)) == found


def test_addresses_of_an_interface() -> None:
    """A block of addresses is known by its first; a configuration may have neither address nor subnet."""
    path = DATA / "azure" / "network" / "NetworkInterfaceGet.json"
    found = one(Interface, arm.load_json("a.json", path.read_bytes()))
    (bare,) = one(Interface, with_configuration()).configurations

    assert [each.address for each in found.configurations] == [IPv4Address("172.20.2.4"), IPv4Address("172.20.2.16")]
    assert (found.configurations[1].prefix_length, found.address) == (28, IPv4Address("172.20.2.4"))
    assert (bare.address, bare.subnet, bare.primary) == (None, None, True)


def test_a_route() -> None:
    """A route has a prefix or a service tag, and goes where it says."""
    table = one(RouteTable, with_route(addressPrefix="Storage.WestEurope", nextHopIpAddress="10.0.0.4"))
    (route,) = table.routes

    assert (route.prefix, route.next_hop, route.address) == (
        "Storage.WestEurope",
        "VirtualAppliance",
        IPv4Address("10.0.0.4"),
    )
    assert table.bgp_disabled is False


def test_service_tags() -> None:
    """Each tag has its ranges; one without any has none."""
    values = [{"name": "Sql", "properties": {"addressPrefixes": ["20.0.0.0/8", "2001:db8::/32"]}}, {"name": "None"}]
    found = one(ServiceTags, {"id": document(TAGS, {})["id"], "cloud": "Public", "values": values})

    assert [(name, len(ranges)) for name, ranges in found.tags] == [("Sql", 2), ("None", 0)]
    assert one(ServiceTags, arm.dump(found)) == found
    assert arm.dump(found)["cloud"] == "Public"


@pytest.mark.parametrize("address", ["203.0.113.4", "2001:db8::4", None])
def test_a_public_ip(address: str | None) -> None:
    """A public IP has an address of either version, or none yet."""
    found = one(PublicIp, document("Microsoft.Network/publicIPAddresses", {"ipAddress": address}))

    assert (str(found.address) if found.address else None) == address


def tags(*values: object) -> dict[str, Any]:
    """Service tags with these values."""
    return {"id": document(TAGS, {})["id"], "values": list(values)}


WRONG: list[tuple[dict[str, Any], str]] = [
    (document(NET, {}), "addressSpace.addressPrefixes: found nothing, expected a value"),
    (document(NET, {**SPACE, "flowTimeoutInMinutes": 3}), "expected a whole number from 4 to 30"),
    (with_subnet(addressPrefix=None), "addressPrefix or addressPrefixes: found nothing, expected a value"),
    (with_subnet(delegations={}), "delegations: found an object of 0, expected a list"),
    (with_subnet(delegations=[{"name": "d"}]), "delegations.serviceName[0]: found nothing, expected text"),
    (with_subnet(delegations=[5]), "delegations.serviceName[0]: found nothing, expected text"),
    (with_subnet(privateLinkServiceNetworkPolicies="Maybe"), "expected one of Enabled, Disabled"),
    (with_peering(remoteVirtualNetwork=None), "remoteVirtualNetwork: found nothing, expected a value"),
    (with_peering(peeringState="Ready"), "expected one of Initiated, Connected, Disconnected"),
    (with_configuration(privateIPAddress="10.0.0.300/8"), "expected an IP address"),
    (with_configuration(privateIPAddress=5), "privateIPAddress: found 5, expected an IP address"),
    (with_route(), "nextHopIpAddress: found nothing, expected the address of the virtual appliance"),
    (with_route(nextHopIpAddress="::1"), "expected an IPv4 address"),
    (
        with_route(nextHopType="Firewall"),
        "expected one of VirtualNetworkGateway, VnetLocal, Internet, VirtualApplianc",
    ),
    ({"id": document(TAGS, {})["id"], "values": {}}, "values: found an object of 0, expected a list"),
    (tags(5), "values[0]: found 5, expected a service tag with a `name`"),
    (tags({"name": "a"}, {"id": "b"}), "values[1]: found an object of 1, expected a service tag with a `name`"),
    (tags({"name": "a", "properties": {"addressPrefixes": ["x"]}}), 'values[0].addressPrefixes[0]: found "x"'),
]


@pytest.mark.parametrize(("value", "expected"), WRONG)
def test_what_is_refused(value: dict[str, Any], expected: str) -> None:
    """A wrong field is named with its place and what is allowed."""
    assert expected in finding(value)
