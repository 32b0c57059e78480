"""One leg: groups out, routes out, groups in, and the way back, in the order in which a packet meets them."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET, SERVICE_VNET
from emulator.model.flow import Flow
from emulator.model.network import EndpointPolicy, Peering, SecurityGroup
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import legs
from tests.rules.test_path import CLIENT_GROUP
from tests.worlds import NVA, ROUTES, nic_of, rule, with_appliance, with_routes, with_subnet, world

PROXY, BUILD = IPv4Address("10.60.0.7"), IPv4Address("10.60.0.8")
FLOW = Flow(PROXY, 40000, BUILD, 22)


def verdict(name: str, outcome: Outcome = Outcome.CARRIED, *, route: bool = False) -> Verdict:
    """A verdict by a rule or a route."""
    return Verdict(outcome, Reason("route" if route else "rule", "", name), name)


def test_nothing_is_asked_after_what_stops() -> None:
    """Verdicts are asked for in order, up to the first that stops the flow."""
    asked = []

    def checks() -> Iterator[Verdict]:
        for each in (verdict("a"), verdict("b", Outcome.REFUSED), verdict("c")):
            asked.append(each.sentence)
            yield each

    assert [each.sentence for each in legs.settled(checks())] == ["a", "b"]
    assert asked == ["a", "b"]


# Who speaks for several verdicts: the one that stops, or the last that is not about a route.
DECIDING = [
    ([verdict("a"), verdict("b")], "b"),
    ([verdict("a"), verdict("b", route=True)], "a"),
    ([verdict("a", route=True), verdict("b", route=True)], "b"),
    ([verdict("a"), verdict("b", Outcome.DROPPED, route=True)], "b"),
]


@pytest.mark.parametrize(("checks", "name"), DECIDING)
def test_who_speaks_for_a_leg(checks: list[Verdict], name: str) -> None:
    """A leg's verdict is the one that stopped the flow, or the rule that let it pass."""
    assert legs.deciding(checks).sentence == name


def between(found: World) -> Verdict:
    """The verdict on the proxy's own connection to the build VM."""
    return legs.private(found, nic_of(found, "proxy"), nic_of(found, "build-linux"), FLOW)


# Rules and routes of the build subnet, and what decides between two machines in it: out, routes, in, and back.
ORDER = [
    ((), (), "AllowVnetInBound"),
    (("200 deny out * -> *",), ("10.60.0.0/24 -> None",), "deny-200"),
    (("200 deny in * -> *",), ("10.60.0.0/24 -> None",), "to-None"),
    (("200 deny in * -> *",), ("10.60.0.7/32 -> None",), "deny-200"),
    ((), ("10.60.0.7/32 -> None",), "to-None"),
    ((), ("10.60.0.8/32 -> None",), "to-None"),
    ((), ("10.60.0.9/32 -> None",), "AllowVnetInBound"),
    ((), (f"10.60.0.0/24 -> {NVA}",), "to-VirtualAppliance"),
    ((), (f"0.0.0.0/0 -> {NVA}",), "AllowVnetInBound"),
]


@pytest.mark.parametrize(("rules", "routes", "name"), ORDER)
def test_the_order_of_a_leg(rules: tuple[str, ...], routes: tuple[str, ...], name: str) -> None:
    """Groups at the source come before its routes, these before groups at the destination, the way back last."""
    found = with_routes(world(*rules), *routes) if routes else world(*rules)

    assert between(found).reason.name == name


def test_an_appliance_that_forwards() -> None:
    """A leg through an appliance that forwards is carried, by the rule that let it in."""
    found = with_appliance(with_routes(world(), f"10.60.0.0/24 -> {NVA}"))

    assert (between(found).carried, between(found).reason.name) == (True, "AllowVnetInBound")


def test_the_way_back() -> None:
    """The answer goes by the routes of the destination's subnet, to the flow's source."""
    found = with_routes(world(), "10.60.0.7/32 -> None")
    lost = legs.answer(found, BUILD_SUBNET, FLOW)

    assert not lost.carried
    assert str(lost) == f"the answer to {FLOW} is lost: route to-None (10.60.0.7/32) to None drops it"
    assert legs.answer(world(), BUILD_SUBNET, FLOW).carried
    assert legs.answer(world(), BUILD_SUBNET, FLOW).reason.name == "VnetLocal"


def test_the_host_gets_its_answer() -> None:
    """The answer to a probe goes to the host, whatever the routes."""
    found = with_routes(world(), "0.0.0.0/0 -> None")

    assert legs.answer(found, BUILD_SUBNET, Flow(IPv4Address("168.63.129.16"), 1, PROXY, 60001)).carried


# Routes at a public machine, and whether the answer to a client on the Internet leaves as it came (azure.md 5.3).
RETURNS = [
    ((), None),
    (("198.51.100.0/24 -> Internet",), None),
    (("0.0.0.0/0 -> Internet",), None),
    ((f"0.0.0.0/0 -> {NVA}",), "to-VirtualAppliance"),
    (("0.0.0.0/0 -> VirtualNetworkGateway",), "to-VirtualNetworkGateway"),
    (("198.51.100.4/32 -> None",), "to-None"),
]


@pytest.mark.parametrize(("routes", "name"), RETURNS)
def test_back_to_the_internet(routes: tuple[str, ...], name: str | None) -> None:
    """Where a route sends the answer another way than the client came, the connection does not come about."""
    found = with_routes(world(topology="public-ip"), *routes) if routes else world(topology="public-ip")
    lost = legs.returning_to_internet(found, BUILD_SUBNET, Flow(IPv4Address("198.51.100.4"), 1, BUILD, 22))

    assert (lost.reason.name if lost else None) == name
    assert lost is None or (lost.reason.id, "does not go back the way it came" in str(lost)) == (ROUTES.text, True)


def test_leaving() -> None:
    """What leaves an interface meets its groups, what leaves a place in a subnet the subnet's; then routes."""
    denied = world("200 deny out * -> *")
    bare = with_subnet(world(), BUILD_SUBNET, group=None)

    for source in (nic_of(denied, "proxy"), BUILD_SUBNET):
        stopped = legs.leaving(denied, source, FLOW)
        assert stopped
        assert stopped.reason.name == "deny-200"
        assert legs.leaving(world(), source, FLOW) is None
    assert [each.reason.kind for each in legs.leaving_checks(bare, BUILD_SUBNET, FLOW)] == ["route"]
    assert [each.reason.kind for each in legs.leaving_checks(world(), BUILD_SUBNET, FLOW)] == ["rule", "route"]


def test_where_an_address_is() -> None:
    """An address is looked for in a network, then in its peers."""
    found = world()
    network = found.network_of(BUILD_SUBNET)
    peered = found.laid(replace(network, peerings=(Peering("p", SERVICE_VNET),)))
    client = IPv4Address("10.61.0.4")

    assert legs.home_of(found, client, network) is None
    inside, beside = legs.home_of(found, PROXY, network), legs.home_of(peered, client, peered.networks[0])
    assert inside
    assert beside
    assert (inside.id, beside.id) == (BUILD_SUBNET, SERVICE_SUBNET)


def test_what_stands_at_an_address() -> None:
    """An address is its interface's where one has it, in that network; or a place in a subnet; or nothing."""
    found = world()
    customers, services = found.network_of(BUILD_SUBNET), found.network_of(SERVICE_SUBNET)

    assert legs.origin_of(found, PROXY, customers) == nic_of(found, "proxy")
    assert legs.origin_of(found, IPv4Address("10.60.0.99"), customers) == BUILD_SUBNET
    assert legs.origin_of(found, PROXY, services) is None


# The policy of an endpoint's subnet, a rule of its group, and whether the rule counts (azure.md 4.2).
POLICIES: list[tuple[EndpointPolicy, str, bool]] = [
    ("Disabled", "150 deny in * -> *", False),
    ("RouteTableEnabled", "150 deny in * -> *", False),
    ("NetworkSecurityGroupEnabled", "150 deny in * -> *", True),
    ("Enabled", "150 deny in * -> *", True),
    ("Enabled", "150 deny in * -> *:60001", True),
    ("Enabled", "150 deny in *:9 -> *", True),
    ("Enabled", "150 deny in * -> *:60000", False),
    ("Enabled", "150 deny out * -> *", False),
    ("Enabled", "150 allow in * -> *", False),
]


@pytest.mark.parametrize(("policy", "text", "counts"), POLICIES)
def test_the_group_of_an_endpoint(policy: EndpointPolicy, text: str, *, counts: bool) -> None:
    """A group at a private endpoint's subnet counts where the policy says so, source ports aside."""
    found = with_subnet(world(), SERVICE_SUBNET, private_endpoint_policies=policy, group=CLIENT_GROUP)
    found = found.laid(SecurityGroup(CLIENT_GROUP, (rule(text),)))
    flow = Flow(IPv4Address("10.61.0.4"), 40000, IPv4Address("10.61.0.5"), 60001)

    stopped = legs.at_private_endpoint(found, found.subnet(SERVICE_SUBNET), flow)

    assert (stopped is not None) is counts
    assert stopped is None or (stopped.reason.name, stopped.reason.id) == ("deny-150", CLIENT_GROUP.text)


def test_an_endpoint_without_a_group() -> None:
    """Where the subnet of an endpoint has no group, nothing stops there, whatever the policy."""
    found = with_subnet(world(), SERVICE_SUBNET, private_endpoint_policies="Enabled")

    assert legs.at_private_endpoint(found, found.subnet(SERVICE_SUBNET), FLOW) is None
