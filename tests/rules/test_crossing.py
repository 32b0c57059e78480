"""The way between networks: what says that there is none."""

from dataclasses import replace
from ipaddress import IPv4Address

from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET, SERVICE_VNET
from emulator.model.flow import Flow
from emulator.model.network import Peering
from emulator.model.world import World
from emulator.rules import legs
from emulator.rules.crossing import to_network
from emulator.rules.ends import end_of
from tests.worlds import with_routes, world

FLOW = Flow(IPv4Address("10.60.0.7"), 1, IPv4Address("10.61.0.4"), 22)


def met(found: World) -> list[str]:
    """The names of what the proxy meets on its way to the service's network."""
    checks = to_network(found, end_of(found, "proxy"), end_of(found, "client"), FLOW)
    return [each.reason.name for each in legs.settled(checks)]


def test_networks_that_are_not_peered() -> None:
    """Without a peering there is no route, whatever the groups say; with one, these and the peering's route speak."""
    found = world()
    peered = found.laid(replace(found.network_of(BUILD_SUBNET), peerings=(Peering("p", SERVICE_VNET),)))

    assert met(found) == ["NoRoute"]
    assert met(peered) == ["AllowVnetOutBound", "VNetPeering"]


def test_networks_that_overlap() -> None:
    """A network with the same ranges is not the one that Azure's own route leads to."""
    found = world()
    other, ours = found.network_of(SERVICE_SUBNET), found.network_of(BUILD_SUBNET)

    assert met(found.laid(replace(ours, prefixes=(*ours.prefixes, *other.prefixes)))) == ["NoRoute"]


def test_a_route_of_the_users() -> None:
    """A route of the user's is asked, and named where it leads nowhere, or only within the own network."""
    assert met(with_routes(world(), "10.61.0.0/24 -> None")) == ["AllowVnetOutBound", "to-None"]
    assert met(with_routes(world(), "10.61.0.0/24 -> VnetLocal")) == ["AllowVnetOutBound", "to-VnetLocal", "NoRoute"]
