"""Routes between the hops: each leg there and back, and the route that would keep what is lost."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from emulator.model.default_world import BUILD_SUBNET, CONTAINER_SUBNET, NETWORK, SERVICE_SUBNET
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import NextHop, Route, RouteTable, SecurityGroup, Subnet
from emulator.model.world import Topology, World
from tests.mending import finding, findings_of, mended, states
from tests.worlds import rule, world

TABLE = resource_id(NETWORK + "routeTables", "rt")
CLIENT_GROUP = resource_id(NETWORK + "networkSecurityGroups", "client-nsg")
APPLIANCE = IPv4Address("10.60.9.4")


def with_subnet(found: World, wanted: ResourceId, **changes: object) -> World:
    """The world with one subnet changed."""
    networks = tuple(
        replace(net, subnets=tuple(_changed(each, changes) if each.id == wanted else each for each in net.subnets))
        for net in found.networks
    )
    return replace(found, networks=networks)


def _changed(subnet: Subnet, changes: dict[str, object]) -> Subnet:
    return replace(subnet, **changes)  # type: ignore[arg-type]


def routed(
    *prefixes: str,
    topology: Topology = "existing-vnet",
    at: ResourceId = BUILD_SUBNET,
    hop: NextHop = "VirtualAppliance",
) -> World:
    """The world with routes to an appliance that nobody loaded at a subnet."""
    routes = tuple(Route(f"r{index}", prefix, hop, APPLIANCE) for index, prefix in enumerate(prefixes))
    found = world(topology=topology).laid(RouteTable(TABLE, routes))
    return with_subnet(found, at, route_table=TABLE)


# The topology, where the routes are, which, and the items that fail. A route for 0.0.0.0/0 leaves the network's own
# legs intact, since the network's prefix is longer (azure.md 5.3).
LINKED = ("proxy-reply-route", "proxy-to-build-route", "build-reply-route")
DIRECT = ("container-to-build-route", "container-reply-route")
ROUTES: list[tuple[Topology, ResourceId, tuple[str, ...], tuple[str, ...]]] = [
    ("existing-vnet", BUILD_SUBNET, ("0.0.0.0/0",), ()),
    ("existing-vnet", BUILD_SUBNET, ("10.0.0.0/8",), ()),
    ("existing-vnet", BUILD_SUBNET, ("10.60.0.0/16",), LINKED),
    ("existing-vnet", BUILD_SUBNET, ("10.60.0.0/24",), LINKED),
    ("existing-vnet", BUILD_SUBNET, ("10.60.0.5/32",), LINKED[:1]),
    ("existing-vnet", BUILD_SUBNET, ("10.60.0.8/32", "10.60.0.9/32"), LINKED[1:2]),
    ("existing-vnet", BUILD_SUBNET, ("10.60.0.7/32",), LINKED[2:]),
    ("container-instance", BUILD_SUBNET, ("0.0.0.0/0",), ()),
    ("container-instance", BUILD_SUBNET, ("10.60.1.0/24",), DIRECT[1:]),
    ("container-instance", CONTAINER_SUBNET, ("10.60.0.0/24",), DIRECT[:1]),
    ("container-instance", CONTAINER_SUBNET, ("10.60.0.0/16",), DIRECT[:1]),
]


@pytest.mark.parametrize(("topology", "at", "prefixes", "failing"), ROUTES)
def test_routes(topology: Topology, at: ResourceId, prefixes: tuple[str, ...], failing: tuple[str, ...]) -> None:
    """The legs that a route leads away fail, those alone, and the commands bring them back."""
    found = routed(*prefixes, topology=topology, at=at)
    names = LINKED if topology == "existing-vnet" else DIRECT
    after = found

    for name in names:
        assert set(states(found, name)) == ({"failed"} if name in failing else {"ok"})
        for _ in prefixes:
            after = mended(after, findings_of(after, name)[0])
    assert [set(states(after, name)) for name in names] == [{"ok"}] * len(names)


def test_what_a_failure_says() -> None:
    """A failure is about the route table, names the route, and why it matters."""
    failed = finding(routed("10.60.0.0/16"), "proxy-to-build-route")

    assert failed.resource == TABLE
    assert (
        "10.60.0.7:49152 → 10.60.0.8:22 is lost: route r0 (10.60.0.0/16) to VirtualAppliance 10.60.9.4"
        in failed.found
    )
    assert "--route-table-name rt -n aib-10.60.0.0-24 --address-prefix 10.60.0.0/24" in failed.mend
    assert "what that does not forward is lost" in failed.why


def test_a_public_client() -> None:
    """Forced tunnelling breaks the answer to a public client; a route back to the Internet mends it."""
    found = routed("0.0.0.0/0", topology="public-ip")
    failed = finding(found, "public-reply-route")

    assert states(world(topology="public-ip"), "public-reply-route") == ["ok", "ok"]
    assert (failed.state, failed.resource) == ("failed", TABLE)
    assert "--address-prefix 198.51.100.4/32 --next-hop-type Internet" in failed.mend
    assert states(mended(found, failed), "public-reply-route") == ["ok", "ok"]


# The client's own way to the private endpoint: its subnet's group and routes, and the endpoint's where they apply.
ENTERING = [
    (("150 deny out * -> *",), "Disabled", "failed"),
    (("150 deny in * -> *",), "Disabled", "ok"),
    (("150 deny in * -> *",), "Enabled", "failed"),
    (("150 deny in * -> *",), "NetworkSecurityGroupEnabled", "failed"),
    ((), "Enabled", "ok"),
]


@pytest.mark.parametrize(("rules", "policy", "state"), ENTERING)
def test_entering(rules: tuple[str, ...], policy: str, state: str) -> None:
    """Groups in Image Builder's own network apply to the client, and to the endpoint by the subnet's policy."""
    group = SecurityGroup(CLIENT_GROUP, tuple(rule(text) for text in rules))
    found = with_subnet(world().laid(group), SERVICE_SUBNET, group=CLIENT_GROUP, private_endpoint_policies=policy)
    entering = finding(found, "client-to-endpoint")

    assert entering.state == state
    assert entering.resource == (CLIENT_GROUP if state == "failed" else found.parts.endpoint)
    assert states(mended(found, entering), "client-to-endpoint") == ["ok"]


def test_entering_by_route() -> None:
    """A route in the client's subnet may lead away what is for the endpoint."""
    found = routed("10.61.0.0/24", at=SERVICE_SUBNET)
    away = with_subnet(found, SERVICE_SUBNET, prefixes=(IPv4Network("10.61.0.0/24"),))
    endpoint = away.endpoint
    assert endpoint
    beside = away.laid(replace(endpoint, subnet=SERVICE_SUBNET))

    # The endpoint's own /32 is longer than the route (azure.md 4.2), so that one alone does not lose it.
    assert states(beside, "client-to-endpoint") == ["ok"]
    lost = routed("10.61.0.5/32", at=SERVICE_SUBNET)
    failed = finding(lost, "client-to-endpoint")
    assert (failed.state, failed.resource) == ("failed", TABLE)
    assert states(mended(lost, failed), "client-to-endpoint") == ["ok"]


def test_what_was_not_loaded() -> None:
    """What the way hangs on and was not loaded makes the item unknown."""
    found = world()
    endpoint = found.endpoint
    assert endpoint
    nowhere = found.laid(replace(endpoint, subnet=None))
    outside = replace(found, client=IPv4Address("192.0.2.1"))
    tableless = with_subnet(found, BUILD_SUBNET, route_table=TABLE)
    ranges = with_subnet(routed("10.60.0.7/32"), BUILD_SUBNET, prefixes=())

    assert states(nowhere, "client-to-endpoint") == ["unknown"]
    assert states(outside, "client-to-endpoint") == ["unknown"]
    assert "holds the client at 192.0.2.1" in finding(outside, "client-to-endpoint").found
    assert finding(tableless, "build-reply-route").mend == f"az resource show --ids {TABLE} -o json"
    assert states(ranges, "build-reply-route") == ["unknown"]


def test_nat_addresses_without_a_subnet() -> None:
    """A service whose NAT configuration names no subnet has it in the build's."""
    found = routed("10.60.0.0/24")
    service = found.service
    assert service
    bare = found.laid(replace(service, nat=tuple(replace(each, subnet=None) for each in service.nat)))

    assert "--address-prefix 10.60.0.0/24" in finding(bare, "proxy-reply-route").mend
