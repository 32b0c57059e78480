"""User-defined routes and endpoint policies on the whole path: what forced tunnelling breaks, and what not."""

import pytest

from emulator.model.default_world import SERVICE_SUBNET
from emulator.model.world import TOPOLOGIES
from tests.rules.test_path import ARRIVED, AT_PROXY, TO_BUILD, ending, path_of, with_client_group
from tests.rules.test_security import DENY_IN
from tests.worlds import NVA, with_appliance, with_routes, with_subnet, world

# User-defined routes at the build subnet (azure.md 5.3), and where the path of a topology ends.
ROUTED = [
    ("existing-vnet", f"0.0.0.0/0 -> {NVA}", ARRIVED),
    ("existing-vnet", "0.0.0.0/0 -> VirtualNetworkGateway", ARRIVED),
    ("existing-vnet", "0.0.0.0/0 -> None", ARRIVED),
    ("existing-vnet", f"10.60.0.0/24 -> {NVA}", f"{AT_PROXY}, to-VirtualAppliance"),
    ("existing-vnet", "10.60.0.5/32 -> None", f"{AT_PROXY}, to-None"),
    ("existing-vnet", "10.60.0.8/32 -> None", f"{TO_BUILD}: dropped, to-None"),
    ("existing-vnet", "10.60.0.7/32 -> None", f"{TO_BUILD}: dropped, to-None"),
    ("public-ip", "10.60.0.0/24 -> None", "client → build-linux: carried, AllowSshInbound"),
    ("public-ip", f"0.0.0.0/0 -> {NVA}", "client → build-linux: dropped, to-VirtualAppliance"),
    ("public-ip", "198.51.100.4/32 -> Internet", "client → build-linux: carried, AllowSshInbound"),
    ("container-instance", "10.60.1.0/24 -> None", "client → build-linux: dropped, to-None"),
    ("container-instance", f"0.0.0.0/0 -> {NVA}", "client → build-linux: carried, AllowVnetInBound"),
]


@pytest.mark.parametrize(("topology", "route", "expected"), ROUTED)
def test_routes(topology: str, route: str, expected: str) -> None:
    """A default route leaves the legs within the network intact; narrower ones break them, also on the way back."""
    found = with_routes(world(topology=next(each for each in TOPOLOGIES if each == topology)), route)

    assert ending(path_of(found)) == expected


def test_an_appliance_that_forwards_carries_the_channel() -> None:
    """With an appliance that forwards, a route for the subnet leads there and on."""
    found = with_routes(world(), f"10.60.0.0/24 -> {NVA}")

    assert ending(path_of(with_appliance(found))) == ARRIVED
    assert not path_of(with_appliance(found, forwarding=False)).carried


def test_the_group_at_the_endpoint() -> None:
    """The group at the endpoint's subnet stops the client where the subnet's policy has it apply."""
    found = with_client_group(world(), DENY_IN)
    applied = with_subnet(found, SERVICE_SUBNET, private_endpoint_policies="Enabled")

    assert path_of(found).carried
    assert ending(path_of(applied)) == "client → private-endpoint: dropped, deny-4096"
