"""Whom a person means by a name: a hop, a machine, an interface, an address, or the Internet."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, Subnet
from emulator.model.world import World
from emulator.rules.outbound import SOMEWHERE

INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a flow.

    Attributes:
        name: what it is called in drawings and sentences.
        interface: of a machine that was loaded.
        subnet: that holds the address; None for what lies in no loaded network.
        resource: the Azure resource that it is.
    """

    name: str
    address: IPv4Address
    interface: Interface | None = None
    subnet: Subnet | None = None
    resource: ResourceId | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.address}" if self.name != str(self.address) else self.name


def end_of(world: World, text: str) -> End:
    """The end that a name or an address means.

    Raises:
        InvalidInputError: it means nothing here; the names that do.
    """
    wanted = text.lower()
    for name, found in _named(world):
        if wanted == name.lower():
            return found
    try:
        return _at(world, IPv4Address(text))
    except ValueError:
        names = list(dict.fromkeys(name for name, _ in _named(world) if not name.startswith("/")))
        known = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
        raise InvalidInputError(f"name: found {text}, expected an IPv4 address or one of {known}") from None


def _named(world: World) -> Iterator[tuple[str, End]]:
    """Every name and the end it means: hops first, then machines and interfaces by name and by ID."""
    yield "client", _client(world)
    for name, address, resource in _link(world):
        yield name, _at(world, address, name, resource)
    for member in world.members:
        yield member.hop, _of_interface(world, world.interface_of(member), member.hop, member.id)
    for machine in world.machines:
        for nic in machine.interfaces[:1]:
            interface: Interface | None = world.find("interfaces", nic)
            if interface is not None and interface.primary is not None:
                found = _of_interface(world, interface, machine.id.name, machine.id)
                yield from ((machine.id.name, found), (machine.id.text, found))
    yield INTERNET, End("Internet", SOMEWHERE)


def _link(world: World) -> Iterator[tuple[str, IPv4Address, ResourceId]]:
    """The parts of private link that the channel has."""
    if world.endpoint:
        yield "private-endpoint", world.address_of(world.endpoint), world.endpoint.id
    if world.service:
        yield "private-link-service", world.service.nat_address, world.service.id
    if world.balancer:
        yield "load-balancer", world.frontend.private_address, world.balancer.id


def _client(world: World) -> End:
    home = _home(world, world.client)
    return End("client", world.client, None, home)


def _of_interface(world: World, interface: Interface, name: str, resource: ResourceId) -> End:
    subnet = world.subnet(interface.subnet) if world.has_subnet(interface.subnet) else None
    return End(name, interface.address, interface, subnet, resource)


def _at(world: World, address: IPv4Address, name: str = "", resource: ResourceId | None = None) -> End:
    """The end at an address: an interface that has it, or a place in a subnet."""
    for interface in world.interfaces:
        if interface.holds(address):
            member = world.member_at(interface.id)
            machine = member.id if member else interface.machine
            found = resource or machine or interface.id
            home = next((each.subnet for each in interface.configurations if each.address == address), None)
            subnet = world.subnet(home) if home and world.has_subnet(home) else None
            return End(name or (member.hop if member else found.name), address, interface, subnet, found)
    home_subnet = _home(world, address)
    return End(
        name or str(address), address, None, home_subnet, resource or (home_subnet.id if home_subnet else None)
    )


def _home(world: World, address: IPv4Address) -> Subnet | None:
    subnets = (subnet for network in world.networks for subnet in network.subnets)
    return next((subnet for subnet in subnets if address in subnet), None)
