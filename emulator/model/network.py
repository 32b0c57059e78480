"""Virtual networks, subnets, interfaces, public IPs, routes and security groups."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from emulator.errors import NotLoadedError
from emulator.model.ids import ResourceId
from emulator.model.kept import NOTHING, Kept
from emulator.model.ports import ANY_PORT, PortRange

Direction = Literal["Inbound", "Outbound"]
Access = Literal["Allow", "Deny"]
AdminAccess = Literal["Allow", "AlwaysAllow", "Deny"]
RuleProtocol = Literal["Tcp", "Udp", "Icmp", "Esp", "Ah", "*"]
NextHop = Literal["VirtualNetworkGateway", "VnetLocal", "Internet", "VirtualAppliance", "None"]
Policy = Literal["Enabled", "Disabled"]
EndpointPolicy = Literal["Enabled", "Disabled", "NetworkSecurityGroupEnabled", "RouteTableEnabled"]
Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address


ANY_ADDRESS = ("*",)


@dataclass(frozen=True, slots=True)
class SecurityRule:
    """One rule of a network security group.

    Address prefixes are kept as Azure writes them: `*`, an address, a CIDR range, or a service tag. An end is
    given by prefixes or by application security groups.
    """

    name: str
    priority: int
    direction: Direction
    access: Access
    protocol: RuleProtocol = "*"
    source_prefixes: tuple[str, ...] = ANY_ADDRESS
    source_ports: tuple[PortRange, ...] = ANY_PORT
    destination_prefixes: tuple[str, ...] = ANY_ADDRESS
    destination_ports: tuple[PortRange, ...] = ANY_PORT
    source_groups: tuple[ResourceId, ...] = ()
    destination_groups: tuple[ResourceId, ...] = ()
    description: str = ""
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SecurityGroup:
    """A network security group: its own rules; Azure's default rules follow them unwritten.

    Attributes:
        flush_connection: whether open flows are judged again when a rule changes.
    """

    id: ResourceId
    rules: tuple[SecurityRule, ...] = ()
    location: str = "westeurope"
    flush_connection: bool = False
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AdminRule:
    """A security admin rule of Azure Virtual Network Manager; it is judged before any security group.

    Azure names the networks it applies to in other resources; here it applies to every network that is loaded.
    (https://learn.microsoft.com/azure/virtual-network-manager/concept-security-admins)
    """

    id: ResourceId
    priority: int
    direction: Direction
    access: AdminAccess
    protocol: RuleProtocol = "*"
    source_prefixes: tuple[str, ...] = ANY_ADDRESS
    source_ports: tuple[PortRange, ...] = ANY_PORT
    destination_prefixes: tuple[str, ...] = ANY_ADDRESS
    destination_ports: tuple[PortRange, ...] = ANY_PORT
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The rule's own name."""
        return self.id.name


@dataclass(frozen=True, slots=True)
class ApplicationSecurityGroup:
    """An application security group: interfaces name it, rules mean their addresses by it."""

    id: ResourceId
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A user-defined route; `prefix` is a range or a service tag."""

    name: str
    prefix: str
    next_hop: NextHop
    address: IPv4Address | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A route table, as subnets name one."""

    id: ResourceId
    routes: tuple[Route, ...] = ()
    bgp_disabled: bool = False
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Subnet:
    """A subnet; policies as Azure defaults them (azure.md 1.4: a fresh subnet has the service policy Enabled).

    Attributes:
        default_outbound: `defaultOutboundAccess`; None where Azure's default for its age holds (azure.md 5.2).
        delegations: services it is delegated to, as `Microsoft.ContainerInstance/containerGroups`.
    """

    id: ResourceId
    prefixes: tuple[Network, ...]
    group: ResourceId | None = None
    private_link_service_policies: Policy = "Enabled"
    private_endpoint_policies: EndpointPolicy = "Disabled"
    route_table: ResourceId | None = None
    nat_gateway: ResourceId | None = None
    default_outbound: bool | None = None
    delegations: tuple[str, ...] = ()
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    def __contains__(self, address: Address) -> bool:
        return any(address in prefix for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Peering:
    """A peering as one of its two networks has it; traffic needs `Connected` and access on both.

    Attributes:
        forwarded: whether this side takes what an appliance in the other network forwards from elsewhere
            (https://learn.microsoft.com/azure/virtual-network/virtual-network-peering-overview#service-chaining).
    """

    name: str
    remote: ResourceId
    state: Literal["Initiated", "Connected", "Disconnected"] = "Connected"
    access: bool = True
    remote_prefixes: tuple[Network, ...] = ()
    forwarded: bool = False
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def connected(self) -> bool:
        """Whether this side lets traffic through."""
        return self.access and self.state == "Connected"


@dataclass(frozen=True, slots=True)
class VirtualNetwork:
    """A virtual network.

    Attributes:
        flow_timeout_minutes: how long a flow record lives idle; None for Azure's default.
    """

    id: ResourceId
    prefixes: tuple[Network, ...]
    subnets: tuple[Subnet, ...] = ()
    location: str = "westeurope"
    peerings: tuple[Peering, ...] = ()
    flow_timeout_minutes: int | None = None
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    def __contains__(self, address: Address) -> bool:
        return any(address in prefix for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class IpConfiguration:
    """One IP configuration of an interface.

    Attributes:
        prefix_length: of a block of addresses that the configuration holds; 32 for one address.
        pools: backend pools of load balancers that it is in.
    """

    name: str
    subnet: ResourceId | None = None
    address: Address | None = None
    prefix_length: int = 32
    primary: bool = True
    public_ip: ResourceId | None = None
    groups: tuple[ResourceId, ...] = ()
    pools: tuple[ResourceId, ...] = ()
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface."""

    id: ResourceId
    configurations: tuple[IpConfiguration, ...] = ()
    group: ResourceId | None = None
    machine: ResourceId | None = None
    forwarding: bool = False
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def primary(self) -> IpConfiguration | None:
        """The primary IPv4 configuration: the one marked so, or else the first that has an address."""
        ours = [each for each in self.configurations if isinstance(each.address, IPv4Address)]
        return next((each for each in ours if each.primary), ours[0] if ours else None)

    @property
    def address(self) -> IPv4Address:
        """The primary IPv4 address.

        Raises:
            NotLoadedError: it has none.
        """
        found = self.primary.address if self.primary else None
        if isinstance(found, IPv4Address):
            return found
        raise NotLoadedError(f"network interface {self.id} has no IPv4 address")

    @property
    def subnet(self) -> ResourceId:
        """The subnet of the primary configuration.

        Raises:
            NotLoadedError: it is in none.
        """
        found = self.primary.subnet if self.primary else None
        if found is None:
            raise NotLoadedError(f"network interface {self.id} is in no subnet")
        return found

    def holds(self, address: Address) -> bool:
        """Whether one of its configurations has an address."""
        return any(address == each.address for each in self.configurations)


@dataclass(frozen=True, slots=True)
class PublicIp:
    """A public IP address; None where Azure has not given one yet."""

    id: ResourceId
    address: Address | None = None
    location: str = "westeurope"
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ServiceTags:
    """What service tags contain, as `az network list-service-tags` prints it: pairs of name and ranges."""

    id: ResourceId
    tags: tuple[tuple[str, tuple[Network, ...]], ...] = ()
    kept: Kept = field(default=NOTHING, compare=False, repr=False)
