"""Where Azure logs a flow: at the group that denied it, or the last that allowed it (azure.md 2.7, 8)."""

from dataclasses import replace

import pytest

from emulator.model.default_world import BUILD_SUBNET
from emulator.model.network import Interface
from emulator.model.world import Topology, World
from emulator.rules.condition import Condition, probe_flow
from emulator.rules.flow_points import Point, at, between, mac_of, of_first_segment, of_second_segment
from emulator.rules.path import client_flow, decide, second_leg
from tests.worlds import DOCUMENTED, appliance, healthy, nic_of, with_routes, with_state, with_subnet, world


def told(points: tuple[Point, ...]) -> list[tuple[str, str, str, bool]]:
    """At which machine, in which direction, under which rule, and whether it was allowed."""
    return [(each.interface.name, each.direction, each.rule, each.allowed) for each in points]


def first(found: World, condition: Condition | None = None) -> list[tuple[str, str, str, bool]]:
    """The points of a client's flow to 60001."""
    route = decide(client_flow(found, "linux", 50000), found, condition or healthy(found), "linux")
    return told(of_first_segment(found, route))


def second(found: World) -> list[tuple[str, str, str, bool]]:
    """The points of the proxy's flow to the Linux build VM."""
    (proxy,) = found.proxies
    return told(of_second_segment(found, second_leg(found, healthy(found), "linux", proxy, 50000)))


PROXY_IN = ("proxy-nic", "Inbound", "DefaultRule_AllowVnetInBound", True)
PROXY_OUT = ("proxy-nic", "Outbound", "DefaultRule_AllowVnetOutBound", True)
BUILD_IN = ("build-linux-nic", "Inbound", "DefaultRule_AllowVnetInBound", True)


def test_a_carried_flow_is_logged_at_each_interface_once() -> None:
    """The first segment at the proxy, the second at the proxy and at the build VM; none at the endpoint."""
    found = world(DOCUMENTED)

    assert [each for each in first(found) if each[0] != "client-nic"] == [PROXY_IN]
    assert second(found) == [PROXY_OUT, BUILD_IN]


def test_the_source_at_the_proxy_is_the_nat_address() -> None:
    """The proxy's log has the service's NAT address and the client's port; the destination is the proxy's own."""
    found = world(DOCUMENTED)
    route = decide(client_flow(found, "linux", 50000), found, healthy(found), "linux")
    flow = of_first_segment(found, route)[-1].flow

    assert str(flow) == "10.60.0.5:50000 → 10.60.0.7:60001"


def test_a_denial_at_the_proxy() -> None:
    """A flow from the NAT address that is denied is logged there, by the rule that denied it."""
    found = world(DOCUMENTED, "500 deny in 10.60.0.5 -> *")

    assert first(found)[-1] == ("proxy-nic", "Inbound", "UserRule_deny-500", False)


def test_a_denial_on_the_way_out_is_the_last_word() -> None:
    """What the proxy's outbound rule denies is logged at the proxy alone: nothing comes to the build VM."""
    found = world(DOCUMENTED, "500 deny out * -> *:22")

    assert second(found) == [("proxy-nic", "Outbound", "UserRule_deny-500", False)]


def test_a_denial_on_the_way_in_is_logged_twice() -> None:
    """Allowed at the proxy, denied at the build VM, as in MicrosoftDocs/azure-docs#84627."""
    found = world(DOCUMENTED, "500 deny in * -> *:22")

    assert second(found) == [PROXY_OUT, ("build-linux-nic", "Inbound", "UserRule_deny-500", False)]


def test_a_route_takes_it_elsewhere() -> None:
    """A route to a dead appliance: allowed out of the proxy, and nothing at the build VM."""
    found = with_routes(world(DOCUMENTED), "10.60.0.0/24 -> VirtualAppliance 10.60.0.250")

    assert second(found) == [PROXY_OUT]


def test_an_endpoint_that_is_not_approved_leads_nowhere() -> None:
    """Only the client's own interface can tell of it."""
    assert [each for each in first(with_state(world(DOCUMENTED), "Rejected")) if each[0] != "client-nic"] == []


def test_no_healthy_backend_no_log_at_the_proxy() -> None:
    """What the balancer sends nowhere comes to no proxy."""
    found = world(DOCUMENTED)

    assert [each for each in first(found, Condition()) if each[0] != "client-nic"] == []


def test_bypassed_groups_log_nothing() -> None:
    """With `pls_data_nsg: bypass` no group sees private-link data, and none logs it."""
    assert [each for each in first(world(DOCUMENTED, data="bypass")) if each[0] != "client-nic"] == []


def test_a_client_that_is_a_machine_logs_its_own_flow() -> None:
    """A client with an interface and a group of its own is logged there, outbound."""
    found = world(DOCUMENTED)
    assert found.endpoint
    assert found.endpoint.subnet
    group = replace(found.groups[0], id=found.groups[0].id.parent.child("networkSecurityGroups", "client-nsg"))
    nic = appliance(str(found.client), subnet=found.endpoint.subnet)
    points = first(found.laid(group, replace(nic, group=group.id)))

    assert points[0][1:] == ("Outbound", "DefaultRule_AllowVnetOutBound", True)
    assert points[1:] == [PROXY_IN]


@pytest.mark.parametrize("topology", ["container-instance", "public-ip"])
def test_container_instances_and_the_internet_have_no_log(topology: Topology) -> None:
    """In the topologies without private link only the build VM's interface logs."""
    found = world(topology=topology)
    route = decide(client_flow(found, "linux", 50000), found, Condition(), "linux")

    assert [each[:2] for each in told(of_first_segment(found, route))] == [("build-linux-nic", "Inbound")]


@pytest.mark.parametrize("rules", [(DOCUMENTED,), ("300 deny in AzureLoadBalancer -> *",)])
def test_a_probe_is_a_flow(rules: tuple[str, ...]) -> None:
    """A health probe is logged inbound at the proxy, allowed or denied."""
    found = world(*rules)
    interface = nic_of(found, "proxy")
    (point,) = between(found, None, interface, probe_flow(interface, 60001))

    assert str(point.flow.source) == "168.63.129.16"
    assert (point.rule, point.allowed) in {("UserRule_allow-400", True), ("UserRule_deny-300", False)}


def test_without_a_group_there_is_no_log() -> None:
    """An interface that no security group judges has no flow log of one."""
    found = with_subnet(world(), BUILD_SUBNET, group=None)
    interface = nic_of(found, "proxy")

    assert at(found, interface, "Inbound", probe_flow(interface, 60001)) is None


def test_an_interface_has_a_mac_address() -> None:
    """The resource's own, without its dashes; else one of Microsoft's, always the same."""
    interface = nic_of(world(), "proxy")
    given: Interface = replace(interface, kept=replace(interface.kept, within={"macAddress": "00-22-48-AB-cd-ef"}))

    assert mac_of(given) == "002248ABCDEF"
    assert mac_of(interface).startswith("000D3A")
    assert mac_of(interface) == mac_of(replace(interface, location="elsewhere"))
    assert len(mac_of(interface)) == 12
