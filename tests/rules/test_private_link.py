"""Private link at the client's side: who reaches the endpoint, and what its connection carries."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest

from emulator.errors import NotLoadedError
from emulator.model import deployed
from emulator.model.default_world import SERVICE_SUBNET
from emulator.model.flow import Flow
from emulator.model.network import SecurityGroup
from emulator.model.privatelink import ConnectionState
from emulator.model.world import World
from emulator.rules.path import client_flow, decide
from tests.rules.test_path import CLIENT_GROUP, ending, path_of
from tests.worlds import (
    healthy,
    rule,
    with_state,
    world,
)


def test_an_endpoint_in_no_subnet() -> None:
    """An endpoint that does not say where it is cannot be reached, and is named."""
    found = world()
    assert found.endpoint
    loose = found.laid(replace(found.endpoint, subnet=None))

    with pytest.raises(NotLoadedError, match=r"private endpoint .*/aib-pe names no subnet"):
        path_of(loose)


@pytest.mark.parametrize("state", ["Pending", "Rejected", "Disconnected"])
def test_only_approved_carries(state: ConnectionState) -> None:
    """A private endpoint whose connection is not approved drops, and says its state."""
    path = path_of(with_state(world(), state))

    assert ending(path) == f"client → private-endpoint: dropped, {state}"
    assert path.proxy is None
    assert str(path.end().verdict) == f"the connection of private endpoint aib-pe is {state}"


def test_the_endpoint_is_reached_from_its_network_only() -> None:
    """Who is not in the private endpoint's network, or dials another address, has no route to it."""
    found = world()
    outside = client_flow(found, "linux", 1, IPv4Address("10.60.0.5"))
    elsewhere = replace(client_flow(found, "linux", 1), destination=IPv4Address("10.61.0.9"))

    for flow in (outside, elsewhere):
        assert ending(decide(flow, found, healthy(found), "linux")) == "client → private-endpoint: dropped, NoRoute"


def test_overlapping_networks() -> None:
    """A service network that overlaps the customer's is told apart: the endpoint's own decides (azure.md 4.1)."""
    found = world()
    overlapping = (IPv4Network("10.60.0.0/16"),)
    own = found.network_of(SERVICE_SUBNET)
    subnets = tuple(replace(each, prefixes=overlapping) for each in own.subnets)
    found = found.laid(replace(own, prefixes=overlapping, subnets=subnets))
    flow = Flow(IPv4Address("10.60.0.4"), 1, IPv4Address("10.61.0.5"), 60001)

    assert decide(flow, found, healthy(found), "linux").carried


def with_client_nic(found: World, *rules: str) -> World:
    """The client as a machine: an interface with a security group of its own."""
    group = SecurityGroup(CLIENT_GROUP, tuple(rule(text) for text in rules))
    return found.laid(group, deployed.interface("client", found.client, SERVICE_SUBNET, group=group.id))


def test_the_group_of_the_clients_interface() -> None:
    """A client that has an interface is judged by its group too, as IP flow verify judges it."""
    found = with_client_nic(world(), "150 deny out * -> *:60001")

    assert ending(path_of(found)) == "client → private-endpoint: dropped, deny-150"
    assert path_of(found, "windows").carried
