"""What service tags and application security groups contain, as seen from one subnet.

https://learn.microsoft.com/azure/virtual-network/service-tags-overview
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_network

from emulator.model.cidr import cidr
from emulator.model.ids import ResourceId
from emulator.model.network import Network, Subnet, VirtualNetwork
from emulator.model.world import PROBE_SOURCE, World
from emulator.rules import ranges
from emulator.rules.ranges import Range

NOT_INTERNET = tuple(
    IPv4Network(prefix)
    for prefix in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
"""Private space: outside a virtual network it is neither `VirtualNetwork` nor `Internet`."""
EXAMPLES = tuple(IPv4Network(each) for each in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
"""Addresses for documentation (RFC 5737): no service has them, and ours stand for any on the Internet."""
HOST: Range = (int(PROBE_SOURCE), int(PROBE_SOURCE))
METADATA: Range = (int(IPv4Address("169.254.169.254")), int(IPv4Address("169.254.169.254")))
EVERYTHING = ("*", "any", "0.0.0.0/0")
PLATFORM: Mapping[str, Sequence[Range]] = {
    "azureplatformdns": (HOST,),
    "azureplatformimds": (METADATA,),
    "azureplatformlkm": (HOST,),
}


class UnknownTagError(Exception):
    """What a name stands for was not loaded: of a tag public addresses, of a group some of the network's."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What names in rules mean at one subnet.

    `VirtualNetwork` contains the host's address 168.63.129.16, so that a rule denying the tag also stops health
    probes (MicrosoftDocs/azure-docs#38326).

    Attributes:
        network: the space of the network and its peers, for the tag `VirtualNetwork`.
        services: the ranges of service tags that were loaded, by name in lower case.
        groups: the addresses in application security groups.
        data: further sources that the tag `AzureLoadBalancer` admits, by the switch for that.
        routes: further ranges of `VirtualNetwork`, from a subnet's routes; addresses of services may lie there.
    """

    network: tuple[Network, ...] = ()
    services: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    groups: Mapping[ResourceId, tuple[IPv4Address, ...]] = field(default_factory=dict)
    data: tuple[IPv4Address, ...] = ()
    routes: tuple[Network, ...] = ()

    def ranges(self, prefix: str) -> Sequence[Range]:
        """The addresses of a rule's prefix: `*`, a tag, an address or a range.

        Raises:
            UnknownTagError: it is a tag whose contents were not loaded.
        """
        tag = prefix.lower()
        known = self._platform(tag)
        if known is not None:
            return known
        if tag in self.services:
            return ranges.of_networks(self.services[tag])
        if tag[0].isalpha() and ":" not in tag:
            raise UnknownTagError(prefix)
        return self._written(prefix)

    def _written(self, prefix: str) -> Sequence[Range]:
        """The range that a prefix spells."""
        plain = cidr(prefix)
        return (plain,) if plain else ranges.of_networks([ip_network(prefix, strict=False)])

    def _platform(self, tag: str) -> Sequence[Range] | None:
        """The ranges of what every network knows; None for any other prefix."""
        if tag in EVERYTHING:
            return ranges.EVERY_ADDRESS
        if tag == "virtualnetwork":
            return [*ranges.of_networks((*self.network, *self.routes)), HOST]
        if tag == "internet":
            return self.public()
        if tag == "azureloadbalancer":
            return [HOST, *((int(each), int(each)) for each in self.data)]
        return PLATFORM.get(tag)

    def unknown(self) -> Sequence[Range]:
        """Where the addresses of a service tag that was not loaded can be: public, and nobody's example."""
        return ranges.outside([*ranges.of_networks((*self.network, *NOT_INTERNET, *EXAMPLES)), HOST])

    def public(self) -> Sequence[Range]:
        """Public space: neither the virtual network's nor private."""
        return ranges.outside([*ranges.of_networks((*self.network, *self.routes, *NOT_INTERNET)), HOST])

    def members(self, group: ResourceId) -> Sequence[Range]:
        """The addresses in an application security group.

        Raises:
            UnknownTagError: neither the group was loaded nor an interface in it.
        """
        if group not in self.groups:
            raise UnknownTagError(group.text)
        return [(int(each), int(each)) for each in self.groups[group]]

    def contains(self, prefix: str, address: IPv4Address) -> bool:
        """Whether an address is within a rule's prefix.

        Raises:
            UnknownTagError: it is a tag whose contents were not loaded.
        """
        return ranges.contains(self.ranges(prefix), int(address))


def tags_at(world: World, subnet: ResourceId) -> Tags:
    """What names mean in rules that apply at a subnet.

    Raises:
        NotLoadedError: the subnet or its route table was not loaded.
    """
    return world.remembered(("tags", subnet), lambda: _tags(world, subnet))


def _tags(world: World, subnet: ResourceId) -> Tags:
    network = world.network_of(subnet)
    admits = world.switches.load_balancer_tag_admits_data and world.service is not None
    services = {name.lower(): nets for each in world.service_tags for name, nets in each.tags}
    space, routes = tuple(_space(world, network)), tuple(_routes(world, world.subnet(subnet)))
    data = world.service.nat_addresses if admits and world.service else ()
    groups = world.remembered("groups of addresses", lambda: _groups(world))
    return Tags(space, services, groups, data, routes)


def _space(world: World, network: VirtualNetwork) -> Iterator[Network]:
    """Its own, and its peers'."""
    yield from network.prefixes
    for peering in network.peerings:
        if peering.connected:
            remote: VirtualNetwork | None = world.find("networks", peering.remote)
            yield from remote.prefixes if remote else peering.remote_prefixes


def _routes(world: World, subnet: Subnet) -> Iterator[Network]:
    """The prefixes of user-defined routes, which the tag contains too (service-tags-overview)."""
    table = world.route_table(subnet.route_table)
    for route in table.routes if table else ():
        prefix = _network(route.prefix)
        whole = prefix is not None and prefix.prefixlen == 0
        if prefix is not None and not (whole and world.switches.virtual_network_tag_default_route == "exclude"):
            yield prefix


def _network(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None  # a service tag


def _groups(world: World) -> Mapping[ResourceId, tuple[IPv4Address, ...]]:
    found: dict[ResourceId, list[IPv4Address]] = {each.id: [] for each in world.application_groups}
    for interface in world.interfaces:
        for configuration in interface.configurations:
            if isinstance(configuration.address, IPv4Address):
                for group in configuration.groups:
                    found.setdefault(group, []).append(configuration.address)
    return {group: tuple(addresses) for group, addresses in found.items()}
