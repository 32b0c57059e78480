"""All that there is, with every reference resolved by ID; live change replaces the whole value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any, Literal, TypeVar

from emulator.errors import NotLoadedError
from emulator.model.access import RoleAssignment, RoleDefinition
from emulator.model.balancer import Frontend, LoadBalancer
from emulator.model.compute import Member, Role, VirtualMachine
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.network import (
    Address,
    AdminRule,
    ApplicationSecurityGroup,
    Interface,
    PublicIp,
    RouteTable,
    SecurityGroup,
    ServiceTags,
    Subnet,
    VirtualNetwork,
)
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.resources import COLLECTIONS, Other, Parts, Resource
from emulator.model.switches import Switches

Topology = Literal["existing-vnet", "public-ip", "container-instance"]
TOPOLOGIES: tuple[Topology, ...] = ("existing-vnet", "public-ip", "container-instance")
System = Literal["linux", "windows"]
SYSTEMS: tuple[System, ...] = ("linux", "windows")
PROXY_PORTS: dict[System, int] = {"linux": 60001, "windows": 60000}
"""https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking"""
BUILD_PORTS: dict[System, int] = {"linux": 22, "windows": 5986}
PROBE_SOURCE = IPv4Address("168.63.129.16")
"""https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class World:
    """Azure's resources, and which of them the channel runs over.

    Attributes:
        client: the address that a client on this machine counts as.
        warnings: what is odd about the documents that it was loaded from, a sentence each.
    """

    topology: Topology
    client: IPv4Address
    networks: tuple[VirtualNetwork, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    application_groups: tuple[ApplicationSecurityGroup, ...] = ()
    admin_rules: tuple[AdminRule, ...] = ()
    route_tables: tuple[RouteTable, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    public_ips: tuple[PublicIp, ...] = ()
    balancers: tuple[LoadBalancer, ...] = ()
    services: tuple[PrivateLinkService, ...] = ()
    endpoints: tuple[PrivateEndpoint, ...] = ()
    machines: tuple[VirtualMachine, ...] = ()
    roles: tuple[RoleDefinition, ...] = ()
    assignments: tuple[RoleAssignment, ...] = ()
    templates: tuple[ImageTemplate, ...] = ()
    service_tags: tuple[ServiceTags, ...] = ()
    others: tuple[Other, ...] = ()
    parts: Parts = field(default_factory=Parts)
    switches: Switches = field(default_factory=Switches)
    warnings: tuple[str, ...] = field(default=(), compare=False, repr=False)
    memo: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    def remembered(self, key: object, make: Callable[[], T]) -> T:
        """A value derived from this world, made once: a world never changes."""
        if key not in self.memo:
            self.memo[key] = make()
        found: T = self.memo[key]
        return found

    @property
    def resources(self) -> Sequence[Resource]:
        """Every resource, type by type."""
        return [each for name in COLLECTIONS.values() for each in getattr(self, name)]

    def laid(self, *resources: Resource) -> "World":
        """This world with resources laid over it: each replaces whole the one with its ID."""
        changed: dict[str, Any] = {}
        for name in {COLLECTIONS[type(each)] for each in resources}:
            ours = {each.id: each for each in getattr(self, name)}
            ours |= {each.id: each for each in resources if COLLECTIONS[type(each)] == name}
            changed[name] = tuple(ours.values())
        return replace(self, **changed)

    def find(self, collection: str, wanted: ResourceId) -> Any:
        """The resource of a collection with an ID; None where it was not loaded."""
        index = self.remembered(collection, lambda: {each.id: each for each in getattr(self, collection)})
        return index.get(wanted)

    def _needed(self, collection: str, wanted: ResourceId, what: str) -> Any:
        found = self.find(collection, wanted)
        if found is None:
            raise NotLoadedError(f"{what} {wanted} was not loaded")
        return found

    def group(self, wanted: ResourceId | None) -> SecurityGroup | None:
        """The security group with an ID; None for none.

        Raises:
            NotLoadedError: it is not among what was loaded.
        """
        if wanted is None:
            return None
        found: SecurityGroup = self._needed("groups", wanted, "network security group")
        return found

    def route_table(self, wanted: ResourceId | None) -> RouteTable | None:
        """The route table with an ID; None for none.

        Raises:
            NotLoadedError: it is not among what was loaded.
        """
        if wanted is None:
            return None
        found: RouteTable = self._needed("route_tables", wanted, "route table")
        return found

    def _homes(self) -> Mapping[ResourceId, tuple[VirtualNetwork, Subnet]]:
        pairs = ((subnet.id, (network, subnet)) for network in self.networks for subnet in network.subnets)
        return self.remembered("homes", lambda: dict(pairs))

    def has_subnet(self, wanted: ResourceId | None) -> bool:
        """Whether a subnet was loaded."""
        return wanted is not None and wanted in self._homes()

    def subnet(self, wanted: ResourceId) -> Subnet:
        """The subnet with an ID.

        Raises:
            NotLoadedError: it is not among what was loaded.
        """
        return self._home(wanted)[1]

    def network_of(self, wanted: ResourceId) -> VirtualNetwork:
        """The virtual network that holds a subnet.

        Raises:
            NotLoadedError: it is not among what was loaded.
        """
        return self._home(wanted)[0]

    def _home(self, wanted: ResourceId) -> tuple[VirtualNetwork, Subnet]:
        found = self._homes().get(wanted)
        if found is None:
            raise NotLoadedError(f"subnet {wanted} was not loaded, nor with its virtual network")
        return found

    def peers(self, network: VirtualNetwork) -> tuple[VirtualNetwork, ...]:
        """The networks that a network is connected to by peerings, of those that were loaded."""
        found = (self.find("networks", peering.remote) for peering in network.peerings if peering.connected)
        return tuple(each for each in found if each is not None)

    def interface(self, wanted: ResourceId) -> Interface:
        """The interface with an ID.

        Raises:
            NotLoadedError: it is not among what was loaded.
        """
        found: Interface = self._needed("interfaces", wanted, "network interface")
        return found

    def interface_of(self, member: Member) -> Interface:
        """The interface of a member of the channel."""
        return self.interface(member.interface)

    def interface_at(self, address: Address, network: VirtualNetwork) -> Interface | None:
        """The interface within a virtual network that has an address."""
        inside = {subnet.id for subnet in network.subnets}
        for interface in self.holders(address):
            if any(each.address == address and each.subnet in inside for each in interface.configurations):
                return interface
        return None

    def holders(self, address: Address) -> Sequence[Interface]:
        """The interfaces that have an address: more than one where loaded networks overlap."""
        return self.remembered("holders", self._holders).get(address, ())

    def _holders(self) -> Mapping[Address, Sequence[Interface]]:
        found: dict[Address, list[Interface]] = {}
        for interface in self.interfaces:
            for address in dict.fromkeys(each.address for each in interface.configurations if each.address):
                found.setdefault(address, []).append(interface)
        return found

    def public_address(self, interface: Interface) -> IPv4Address | None:
        """The public address of an interface's primary configuration.

        Raises:
            NotLoadedError: the public IP that it names is not among what was loaded.
        """
        primary = interface.primary
        if primary is None or primary.public_ip is None:
            return None
        found: PublicIp = self._needed("public_ips", primary.public_ip, "public IP")
        return found.address if isinstance(found.address, IPv4Address) else None

    def address_of(self, endpoint: PrivateEndpoint) -> IPv4Address:
        """The address of a private endpoint: its interface's, or the one it was configured with.

        Raises:
            NotLoadedError: neither is known.
        """
        for wanted in endpoint.interfaces:
            interface: Interface | None = self.find("interfaces", wanted)
            if interface is not None:
                return interface.address
        if isinstance(endpoint.configured, IPv4Address):
            return endpoint.configured
        raise NotLoadedError(
            f"the network interface of private endpoint {endpoint.id}, with its address, was not loaded"
        )

    @property
    def balancer(self) -> LoadBalancer | None:
        """The load balancer of the channel."""
        return self.find("balancers", self.parts.balancer) if self.parts.balancer else None

    @property
    def service(self) -> PrivateLinkService | None:
        """The private link service of the channel."""
        return self.find("services", self.parts.service) if self.parts.service else None

    @property
    def endpoint(self) -> PrivateEndpoint | None:
        """The private endpoint of the channel."""
        return self.find("endpoints", self.parts.endpoint) if self.parts.endpoint else None

    @property
    def linked(self) -> tuple[PrivateEndpoint, PrivateLinkService, LoadBalancer]:
        """Private endpoint, private link service and load balancer of the channel.

        Raises:
            NotLoadedError: it lacks one of them.
        """
        endpoint, service, balancer = self.endpoint, self.service, self.balancer
        if endpoint is None or service is None or balancer is None:
            raise NotLoadedError("the world has no private endpoint with a private link service and a load balancer")
        return endpoint, service, balancer

    @property
    def frontend(self) -> Frontend:
        """The frontend of the channel's balancer that its private link service leads to, whatever others there are.

        Raises:
            NotLoadedError: the service names none that the balancer has.
        """
        _, service, balancer = self.linked
        for each in balancer.frontends:
            if each.id in service.frontends:
                return each
        named = ", ".join(each.text for each in service.frontends) or "none"
        raise NotLoadedError(
            f"private link service {service.id} leads to frontend {named}, which load balancer {balancer.id} lacks"
        )

    @property
    def members(self) -> tuple[Member, ...]:
        """The virtual machines that play hops."""
        return self.parts.members

    def member(self, role: Role) -> Member | None:
        """The first machine that plays a role."""
        index = self.remembered("members by role", lambda: {each.role: each for each in reversed(self.members)})
        return index.get(role)

    def member_at(self, interface: ResourceId) -> Member | None:
        """The machine on the channel that has an interface."""
        return next((member for member in self.members if member.interface == interface), None)

    @property
    def proxies(self) -> tuple[Member, ...]:
        """The proxy VMs, in order."""
        return tuple(member for member in self.members if member.role == "proxy")


def build_role(system: System) -> Role:
    """The build VM's role for an operating system."""
    return "build-linux" if system == "linux" else "build-windows"
