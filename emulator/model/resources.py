"""Every kind of resource that a world holds, and where it keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.model.access import RoleAssignment, RoleDefinition
from emulator.model.balancer import LoadBalancer
from emulator.model.compute import Member, VirtualMachine
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.kept import Json
from emulator.model.network import (
    AdminRule,
    ApplicationSecurityGroup,
    Interface,
    PublicIp,
    RouteTable,
    SecurityGroup,
    ServiceTags,
    VirtualNetwork,
)
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService


@dataclass(frozen=True, slots=True)
class Other:
    """A resource of a type that no decision reads; kept as it was written."""

    id: ResourceId
    raw: Json = field(default_factory=dict, compare=False, repr=False)


Resource = (
    VirtualNetwork
    | SecurityGroup
    | ApplicationSecurityGroup
    | AdminRule
    | RouteTable
    | Interface
    | PublicIp
    | LoadBalancer
    | PrivateLinkService
    | PrivateEndpoint
    | VirtualMachine
    | RoleDefinition
    | RoleAssignment
    | ImageTemplate
    | ServiceTags
    | Other
)
COLLECTIONS: Mapping[type, str] = {
    VirtualNetwork: "networks",
    SecurityGroup: "groups",
    ApplicationSecurityGroup: "application_groups",
    AdminRule: "admin_rules",
    RouteTable: "route_tables",
    Interface: "interfaces",
    PublicIp: "public_ips",
    LoadBalancer: "balancers",
    PrivateLinkService: "services",
    PrivateEndpoint: "endpoints",
    VirtualMachine: "machines",
    RoleDefinition: "roles",
    RoleAssignment: "assignments",
    ImageTemplate: "templates",
    ServiceTags: "service_tags",
    Other: "others",
}
"""Where a world keeps each type of resource."""


@dataclass(frozen=True, slots=True)
class Lack:
    """Why Azure would refuse to deploy a part of the channel.

    Attributes:
        part: the resource that cannot be made; None for what every path needs.
    """

    part: ResourceId | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The resources that the channel runs over.

    Attributes:
        subnet: where the proxy and the build VMs are.
        template: the image template that chose the topology.
        members: the virtual machines that play hops, proxies first.
        lacking: the parts that Azure would refuse to deploy; a world with any can be asked, and not be played.
    """

    endpoint: ResourceId | None = None
    service: ResourceId | None = None
    balancer: ResourceId | None = None
    subnet: ResourceId | None = None
    template: ResourceId | None = None
    members: tuple[Member, ...] = ()
    lacking: tuple[Lack, ...] = ()
