"""Addresses of a subnet: taken, free, and how many are left."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, ip_network

import pytest

from emulator.errors import InvalidInputError
from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET
from emulator.model.network import Subnet
from emulator.model.resources import Lack
from emulator.model.world import World
from emulator.rules.space import Addresses, free, room, taken
from tests.worlds import with_subnet, world

EMPTY = World("existing-vnet", IPv4Address("10.0.0.1"))


def subnet(*prefixes: str) -> Subnet:
    """A subnet that nothing is in."""
    return Subnet(BUILD_SUBNET, tuple(ip_network(each) for each in prefixes))


def test_what_is_taken() -> None:
    """Interfaces, frontends, NAT addresses and configured endpoints take addresses of their subnet."""
    found = world()
    assert found.endpoint
    asked = found.laid(replace(found.endpoint, configured=IPv4Address("10.61.0.9")))

    assert sorted(map(str, taken(found, BUILD_SUBNET))) == [f"10.60.0.{last}" for last in (5, 6, 7, 8, 9)]
    assert sorted(map(str, taken(asked, SERVICE_SUBNET))) == ["10.61.0.5", "10.61.0.9"]


def test_what_is_free() -> None:
    """Azure keeps the first four addresses and the last; the first usable one is given last."""
    assert [str(each) for each in free(EMPTY, subnet("10.0.0.0/28"))] == [
        *(f"10.0.0.{last}" for last in range(5, 15)),
        "10.0.0.4",
    ]
    assert [str(each) for each in free(EMPTY, subnet("fd00::/64", "10.0.0.0/29", "10.1.0.0/29"))] == [
        "10.0.0.5",
        "10.0.0.6",
        "10.1.0.4",
        "10.1.0.5",
        "10.1.0.6",
        "10.0.0.4",
    ]


# A prefix, and how many of its addresses Azure could still give.
ROOM = [("10.0.0.0/29", 3), ("10.0.0.0/28", 11), ("10.0.0.0/24", 251), ("10.0.0.0/30", 0), ("10.0.0.0/32", 0)]


@pytest.mark.parametrize(("prefix", "left"), ROOM)
def test_room(prefix: str, left: int) -> None:
    """A subnet has room for all of its addresses but five, and there are as many free ones."""
    assert room(EMPTY, subnet(prefix)) == left
    assert len(list(free(EMPTY, subnet(prefix)))) == left
    assert room(world(), world().subnet(BUILD_SUBNET)) == 251 - 5


def test_a_large_subnet() -> None:
    """Of a large subnet the first few thousand addresses are enough."""
    assert len(list(free(EMPTY, subnet("10.0.0.0/8")))) == 4097
    assert room(EMPTY, subnet("10.0.0.0/8")) == 2**24 - 5


def test_addresses_are_given_one_after_the_other() -> None:
    """Each address is given once; when none is left, one of Azure's own stands in, and what needed it is told."""
    found = with_subnet(world(), BUILD_SUBNET, prefixes=(IPv4Network("10.60.0.0/28"),))
    lacking: list[Lack] = []
    addresses = Addresses(found, found.subnet(BUILD_SUBNET), lacking)

    given = [str(addresses.next("it")) for _ in range(6)]

    assert given == ["10.60.0.10", "10.60.0.11", "10.60.0.12", "10.60.0.13", "10.60.0.14", "10.60.0.4"]
    assert lacking == []
    stand_ins = [str(addresses.next("the proxy VM")) for _ in range(5)]
    assert stand_ins == ["10.60.0.1", "10.60.0.2", "10.60.0.3", "10.60.0.15", "10.60.0.0"]
    assert len(lacking) == 5
    said = "subnets/build: addressPrefix: found 10.60.0.0/28 with no address left for the proxy VM, expected room"
    assert said in lacking[0].sentence
    with pytest.raises(InvalidInputError, match="with no address left for the proxy VM"):
        addresses.next("the proxy VM")
