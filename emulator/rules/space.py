"""Which addresses of a subnet are taken, and which Azure would give next."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.network import Address, Subnet
from emulator.model.resources import Lack
from emulator.model.world import World

RESERVED = 4
"""The first four addresses of a subnet are Azure's, and the last
(https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq)."""


def taken(world: World, subnet: ResourceId) -> frozenset[Address]:
    """Every address within a subnet that a loaded resource has."""
    return frozenset(address for home, address in _given(world) if home == subnet and address is not None)


def _given(world: World) -> Iterator[tuple[ResourceId | None, Address | None]]:
    for interface in world.interfaces:
        yield from ((each.subnet, each.address) for each in interface.configurations)
    for balancer in world.balancers:
        yield from ((each.subnet, each.address) for each in balancer.frontends)
    for service in world.services:
        yield from ((each.subnet, each.address) for each in service.nat)
    yield from ((each.subnet, each.configured) for each in world.endpoints)


def free(world: World, subnet: Subnet) -> Iterator[IPv4Address]:
    """The addresses of a subnet that nothing has, in order; its first usable one comes last.

    The default world keeps .4 of the build subnet free, and so do we.
    """
    used = taken(world, subnet.id)
    usable = [each for prefix in subnet.prefixes if isinstance(prefix, IPv4Network) for each in _usable(prefix)]
    yield from (each for each in (*usable[1:], *usable[:1]) if each not in used)


def _usable(prefix: IPv4Network) -> list[IPv4Address]:
    first, last = int(prefix.network_address) + RESERVED, int(prefix.broadcast_address) - 1
    return [IPv4Address(each) for each in range(first, min(last, first + 4096) + 1)]


def room(world: World, subnet: Subnet) -> int:
    """How many addresses of a subnet Azure could still give."""
    sizes = (each.num_addresses - RESERVED - 1 for each in subnet.prefixes if isinstance(each, IPv4Network))
    return max(0, sum(max(0, size) for size in sizes) - len(taken(world, subnet.id)))


class Addresses:
    """Gives free addresses of one subnet, one after the other.

    Attributes:
        lacking: what found none left.
    """

    def __init__(self, world: World, subnet: Subnet, lacking: list[Lack]) -> None:
        self.lacking = lacking
        self._subnet = subnet
        self._free = free(world, subnet)
        self._reserved = _reserved(subnet)

    def next(self, what: str, part: ResourceId | None = None) -> IPv4Address:
        """The next free address, for a part; where none is left, one that Azure keeps, so that a checklist can go on.

        Raises:
            InvalidInputError: not even such a one is left.
        """
        found = next(self._free, None)
        if found is not None:
            return found
        ranges = ", ".join(str(each) for each in self._subnet.prefixes)
        said = f"{self._subnet.id}: addressPrefix: found {ranges} with no address left for {what}, "
        said += "expected room for what Image Builder deploys"
        stand_in = next(self._reserved, None)
        if stand_in is None:
            raise InvalidInputError(said)
        self.lacking.append(Lack(part, said))
        return stand_in


def _reserved(subnet: Subnet) -> Iterator[IPv4Address]:
    """The addresses of a subnet that Azure keeps for itself: the first four and the last."""
    for prefix in subnet.prefixes:
        if isinstance(prefix, IPv4Network) and prefix.num_addresses > RESERVED:
            yield from (prefix.network_address + each for each in range(1, RESERVED))
            yield from (prefix.broadcast_address, prefix.network_address)
