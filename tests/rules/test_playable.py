"""A world can be played when nothing is missing that a hop will ever need to decide."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.errors import InvalidInputError, NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, CONTAINER_SUBNET, PUBLIC_GROUP, SERVICE_SUBNET
from emulator.model.ids import resource_id
from emulator.model.world import TOPOLOGIES, Topology, World
from emulator.rules.playable import playable
from tests.azure_values import NETWORK
from tests.worlds import nic_of, with_subnet, without, world

GONE = resource_id(NETWORK + "networkSecurityGroups", "gone")
TABLE = resource_id(NETWORK + "routeTables", "gone")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_default_worlds(topology: Topology) -> None:
    """The default worlds can be played, also with a build VM less, or none."""
    found = world(topology=topology)
    playable(found)
    playable(without(found, "build-linux"))
    playable(without(without(found, "build-linux"), "build-windows"))


# What is missing, in the default world of a topology, and what is said of it.
MISSING: list[tuple[World, str]] = [
    (with_subnet(world(), BUILD_SUBNET, group=GONE), "network security group .*/gone was not loaded"),
    (with_subnet(world(), SERVICE_SUBNET, group=GONE), "network security group .*/gone was not loaded"),
    (with_subnet(world(), BUILD_SUBNET, route_table=TABLE), "route table .*/gone was not loaded"),
    (
        with_subnet(world(topology="container-instance"), CONTAINER_SUBNET, route_table=TABLE),
        "route table .*/gone was",
    ),
    (
        replace(world(topology="public-ip"), groups=()),
        f"network security group .*/{PUBLIC_GROUP.name} was not loaded",
    ),
    (replace(world(topology="public-ip"), public_ips=()), "public IP .* was not loaded"),
    (replace(world(), interfaces=()), "network interface .*, with its address, was not loaded"),
    (replace(world(), networks=world().networks[:1]), "subnet .* was not loaded, nor with its virtual network"),
    (replace(world(), services=()), "has no private endpoint with a private link service"),
    (world("150 deny in Storage.WestEurope -> *", "160 deny in 10.60.0.5 -> *", topology="public-ip"), ""),
]


@pytest.mark.parametrize(("found", "said"), MISSING)
def test_what_is_missing(found: World, said: str) -> None:
    """What was not loaded and decides is named before anything is started; what decides nothing is not missed."""
    if not said:
        playable(found)
        return
    with pytest.raises(NotLoadedError, match=said):
        playable(found)
    with pytest.raises(InvalidInputError, match=r"loaded|no private endpoint"):
        playable(found)


def with_public_build(found: World) -> World:
    """The Linux build VM at an address that a service tag may have."""
    nic = nic_of(found, "build-linux")
    moved = tuple(replace(each, address=IPv4Address("20.60.0.8")) for each in nic.configurations)
    return found.laid(replace(nic, configurations=moved))


def test_what_lies_behind_what_stops() -> None:
    """Every decision is made, also those that no flow gets to for now: rules may change while the hops run."""
    found = world("150 deny in * -> *", "150 deny out * -> Storage.WestEurope", "160 allow out * -> Internet")

    playable(found)
    with pytest.raises(NotLoadedError, match="rule deny-150 may match it, by service tags"):
        playable(with_public_build(found))


def test_every_source_port_counts() -> None:
    """A rule about one source port, by a tag that was not loaded, keeps a channel from being played."""
    found = with_public_build(world("150 deny out *:7 -> Storage.WestEurope", "160 allow out * -> Internet"))

    with pytest.raises(NotLoadedError, match="rule deny-150 may match it, by service tags"):
        playable(found)
