"""Whom a person means by a name: a hop, a machine, an interface, an address, or the Internet."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Address

from emulator.errors import InvalidInputError
from emulator.model.compute import Member
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, Subnet, VirtualNetwork
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.world import World
from emulator.rules.outbound import SOMEWHERE

INTERNET = "internet"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a flow.

    Attributes:
        name: what it is called in drawings and sentences.
        address: its own, in its network.
        interface: of a machine that was loaded.
        subnet: that holds the address; None for what lies in no loaded network.
        resource: the Azure resource that it is.
        public: the public address that it was named by, if it was.
    """

    name: str
    address: IPv4Address
    interface: Interface | None = None
    subnet: Subnet | None = None
    resource: ResourceId | None = None
    public: IPv4Address | None = None

    def __str__(self) -> str:
        address = self.public or self.address
        return f"{self.name} {address}" if self.name != str(address) else self.name


def end_of(world: World, text: str) -> End:
    """The end that a name or an address means; what other names mean is not looked at.

    Raises:
        InvalidInputError: it means nothing here (the names that do), or several things (their IDs).
        NotLoadedError: what it names was not loaded.
    """
    wanted = text.lower()
    meant = [end for name, end in _named(world) if wanted == name.lower()]
    if meant:
        return meant[0]()
    machines = [each for each in _machines(world) if wanted in (each[0].name.lower(), each[0].key)]
    if machines:
        _must_be_one(text, "a name of one machine", [identity for identity, _ in machines])
        identity, nic = machines[0]
        return _of_interface(world, nic, identity.name, identity)
    try:
        address = IPv4Address(text)
    except ValueError:
        raise InvalidInputError(f"name: found {text}, expected an IPv4 address or one of {_known(world)}") from None
    return _at(world, address)


def _known(world: World) -> str:
    """The first names that mean something."""
    machines = (identity.name for identity, _ in _machines(world))
    names = list(dict.fromkeys([*(name for name, _ in _named(world)), *machines]))
    return ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")


def _must_be_one(text: str, expected: str, found: Sequence[ResourceId]) -> None:
    """Names and addresses may be there twice, in other groups or in networks that overlap: nothing is guessed."""
    if len(set(found)) > 1:
        listed = ", ".join(sorted({each.text for each in found}))
        raise InvalidInputError(
            f"name: found {text}, which is {len(set(found))} of them, expected {expected}: {listed}"
        )


def _named(world: World) -> Iterator[tuple[str, Callable[[], End]]]:
    """The names of hops, and how to find what each means."""
    if int(world.client):  # a world without a channel has none
        yield "client", lambda: _of_client(world)
    endpoint, service, balancer = world.endpoint, world.service, world.balancer
    if endpoint:
        yield "private-endpoint", lambda: _of_endpoint(world, endpoint)
    if service:
        yield "private-link-service", lambda: _of_service(world, service)
    if balancer:
        yield "load-balancer", lambda: _of_frontend(world)
    for member in world.members:
        yield member.hop, partial(_of_member, world, member)
    yield INTERNET, lambda: End("Internet", SOMEWHERE)


def _machines(world: World) -> Iterator[tuple[ResourceId, Interface]]:
    for machine in world.machines:
        for nic in machine.interfaces[:1]:
            interface: Interface | None = world.find("interfaces", nic)
            if interface is not None and interface.primary is not None:
                yield machine.id, interface


def _of_client(world: World) -> End:
    """The client: in the channel's own networks first, since Image Builder's may overlap others."""
    at = world.endpoint.subnet if world.endpoint else world.parts.subnet
    near = [world.network_of(at)] if at and world.has_subnet(at) else []
    home = next(_homes(world.client, near), None) or next(_homes(world.client, world.networks), None)
    nic = world.interface_at(world.client, world.network_of(home.id)) if home else None
    return End("client", world.client, nic, home)


def _of_endpoint(world: World, endpoint: PrivateEndpoint) -> End:
    nic = next((each for each in (world.find("interfaces", one) for one in endpoint.interfaces) if each), None)
    subnet = world.subnet(endpoint.subnet) if world.has_subnet(endpoint.subnet) and endpoint.subnet else None
    return End("private-endpoint", world.address_of(endpoint), nic, subnet, endpoint.id)


def _of_service(world: World, service: PrivateLinkService) -> End:
    subnet = world.subnet(service.subnet) if world.has_subnet(service.subnet) and service.subnet else None
    return End("private-link-service", service.nat_address, None, subnet, service.id)


def _of_frontend(world: World) -> End:
    front = world.frontend
    subnet = world.subnet(front.subnet) if world.has_subnet(front.subnet) and front.subnet else None
    return End("load-balancer", front.private_address, None, subnet, front.id.parent)


def _of_member(world: World, member: Member) -> End:
    return _of_interface(world, world.interface_of(member), member.hop, member.id)


def _of_interface(world: World, interface: Interface, name: str, resource: ResourceId) -> End:
    subnet = world.subnet(interface.subnet) if world.has_subnet(interface.subnet) else None
    return End(name, interface.address, interface, subnet, resource)


def _at(world: World, address: IPv4Address) -> End:
    """The end at an address: an interface that has it, by itself or as its public IP, or a place in a subnet."""
    holders = world.holders(address)
    _must_be_one(str(address), "an address that one interface has", [each.id for each in holders])
    if holders:
        return _holding(world, holders[0], address)
    for interface in world.interfaces:
        for configuration in interface.configurations:
            public = world.find("public_ips", configuration.public_ip) if configuration.public_ip else None
            if public and public.address == address and isinstance(configuration.address, IPv4Address):
                return replace(_holding(world, interface, configuration.address), public=address)
    homes = list(_homes(address, world.networks))
    _must_be_one(str(address), "an address within one subnet", [each.id for each in homes])
    home = homes[0] if homes else None
    return End(str(address), address, None, home, home.id if home else None)


def _holding(world: World, interface: Interface, address: IPv4Address) -> End:
    member = world.member_at(interface.id)
    resource = member.id if member else interface.machine or interface.id
    home = next((each.subnet for each in interface.configurations if each.address == address), None)
    subnet = world.subnet(home) if home and world.has_subnet(home) else None
    return End(member.hop if member else resource.name, address, interface, subnet, resource)


def _homes(address: IPv4Address, networks: Iterable[VirtualNetwork]) -> Iterator[Subnet]:
    return (subnet for network in networks for subnet in network.subnets if address in subnet)
