"""All that there is, with every reference resolved by ID; live change replaces the whole value."""

from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Literal

from emulator.model.balancer import LoadBalancer
from emulator.model.compute import Role, VirtualMachine
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, SecurityGroup, Subnet, VirtualNetwork
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
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


@dataclass(frozen=True, slots=True)
class World:
    """Azure's resources on this channel.

    Attributes:
        client: the address that a client on this machine counts as.
    """

    topology: Topology
    client: IPv4Address
    networks: tuple[VirtualNetwork, ...] = ()
    groups: tuple[SecurityGroup, ...] = ()
    interfaces: tuple[Interface, ...] = ()
    machines: tuple[VirtualMachine, ...] = ()
    balancer: LoadBalancer | None = None
    service: PrivateLinkService | None = None
    endpoint: PrivateEndpoint | None = None
    switches: Switches = field(default_factory=Switches)

    def group(self, wanted: ResourceId | None) -> SecurityGroup | None:
        """The security group with an ID; None for none."""
        return next((group for group in self.groups if group.id == wanted), None)

    def subnet(self, wanted: ResourceId) -> Subnet:
        """The subnet with an ID."""
        return next(subnet for network in self.networks for subnet in network.subnets if subnet.id == wanted)

    def network_of(self, wanted: ResourceId) -> VirtualNetwork:
        """The virtual network that holds a subnet."""
        return next(net for net in self.networks if any(subnet.id == wanted for subnet in net.subnets))

    def interface(self, wanted: ResourceId) -> Interface:
        """The interface with an ID."""
        return next(each for each in self.interfaces if each.id == wanted)

    def interface_of(self, machine: VirtualMachine) -> Interface:
        """The interface of a machine."""
        return self.interface(machine.interface)

    def machine(self, role: Role) -> VirtualMachine | None:
        """The first machine that plays a role."""
        return next((machine for machine in self.machines if machine.role == role), None)

    def machine_at(self, interface: ResourceId) -> VirtualMachine:
        """The machine that has an interface."""
        return next(machine for machine in self.machines if machine.interface == interface)

    @property
    def proxies(self) -> tuple[VirtualMachine, ...]:
        """The proxy VMs, in order."""
        return tuple(machine for machine in self.machines if machine.role == "proxy")

    def with_group(self, group: SecurityGroup) -> "World":
        """This world with a security group laid over it: it replaces whole the one with its ID."""
        others = tuple(each for each in self.groups if each.id != group.id)
        return replace(self, groups=(*others, group))


def build_role(system: System) -> Role:
    """The build VM's role for an operating system."""
    return "build-linux" if system == "linux" else "build-windows"
