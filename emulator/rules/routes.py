"""Where a subnet sends a packet: effective routes, longest prefix first.

https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Literal

from emulator.model.ids import ResourceId
from emulator.model.network import NextHop, Route, Subnet, VirtualNetwork
from emulator.model.world import PROBE_SOURCE, World

PLATFORM_SERVICES = (PROBE_SOURCE, IPv4Address("169.254.169.254"))
"""The host and its instance metadata, which no route leads away from (azure.md 5.1)."""

Hop = NextHop | Literal["VNetPeering", "InterfaceEndpoint"]
WITHIN: frozenset[Hop] = frozenset({"VnetLocal", "VNetPeering", "InterfaceEndpoint"})
EVERYWHERE = IPv4Network("0.0.0.0/0")
PRIVATE = tuple(IPv4Network(each) for each in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))
"""Ranges that Azure drops where no network has them."""
ROUTED = frozenset({"Enabled", "RouteTableEnabled"})
"""Policies of a private endpoint's subnet by which routes for its network displace the endpoint's own."""


@dataclass(frozen=True, slots=True)
class EffectiveRoute:
    """One route as it holds at a subnet.

    Attributes:
        name: of a user-defined route; Azure's own have none.
        active: whether it is used: a user-defined route displaces Azure's own for the same prefix.
        table: the route table it comes from.
    """

    prefix: IPv4Network
    hop: Hop
    address: IPv4Address | None = None
    source: Literal["Default", "User"] = "Default"
    active: bool = True
    name: str = ""
    table: ResourceId | None = None

    def __str__(self) -> str:
        named = f"route {self.name} ({self.prefix})" if self.name else f"Azure's own route for {self.prefix}"
        return f"{named} to {self.hop}{f' {self.address}' if self.address else ''}"


def effective_routes(world: World, subnet: ResourceId) -> Sequence[EffectiveRoute]:
    """Every route of a subnet, the most specific first; those that are displaced are not active.

    Raises:
        NotLoadedError: the subnet or its route table was not loaded.
    """
    return world.remembered(("routes", subnet), lambda: _effective(world, subnet))


def _effective(world: World, subnet: ResourceId) -> Sequence[EffectiveRoute]:
    home = world.subnet(subnet)
    user = list(_user(world, home))
    own = list(_own(world, world.network_of(subnet), user))
    taken = {route.prefix for route in user}
    routes = [*user, *(replace(route, active=route.active and route.prefix not in taken) for route in own)]
    return sorted(routes, key=lambda route: (-route.prefix.prefixlen, not route.active))


def _own(world: World, network: VirtualNetwork, user: Sequence[EffectiveRoute]) -> Iterator[EffectiveRoute]:
    for prefix in network.prefixes:
        if isinstance(prefix, IPv4Network):
            yield EffectiveRoute(prefix, "VnetLocal")
    for peering in network.peerings:
        remote: VirtualNetwork | None = world.find("networks", peering.remote)
        for prefix in remote.prefixes if remote else peering.remote_prefixes:
            if peering.connected and isinstance(prefix, IPv4Network):
                yield EffectiveRoute(prefix, "VNetPeering")
    yield from _endpoints(world, network, user)
    yield EffectiveRoute(EVERYWHERE, "Internet")
    for prefix in PRIVATE:
        if prefix not in network.prefixes:
            yield EffectiveRoute(prefix, "None")


def _endpoints(world: World, network: VirtualNetwork, user: Sequence[EffectiveRoute]) -> Iterator[EffectiveRoute]:
    """A private endpoint puts a /32 into its network (azure.md 4.2), and into those that are peered with it.

    https://learn.microsoft.com/azure/private-link/private-endpoint-overview: reached "from peered virtual networks".
    """
    homes = {subnet.id: subnet for each in (network, *world.peers(network)) for subnet in each.subnets}
    for endpoint in world.endpoints:
        if endpoint.subnet in homes:
            try:
                address = world.address_of(endpoint)
            except LookupError:
                continue  # its address was not loaded, and so nobody dials it here
            policy = homes[endpoint.subnet].private_endpoint_policies
            home = world.network_of(endpoint.subnet)
            displaced = policy in ROUTED and _is_displaced(address, home, user)
            yield EffectiveRoute(IPv4Network(address), "InterfaceEndpoint", active=not displaced)


def _is_displaced(address: IPv4Address, network: VirtualNetwork, user: Sequence[EffectiveRoute]) -> bool:
    """Whether a user's route that is no wider than the network leads elsewhere, where policies let it."""
    spaces = [prefix.prefixlen for prefix in network.prefixes if address in prefix]
    return any(address in route.prefix and route.prefix.prefixlen >= min(spaces, default=0) for route in user)


def _user(world: World, subnet: Subnet) -> Iterator[EffectiveRoute]:
    table = world.route_table(subnet.route_table)
    for route in table.routes if table else ():
        for prefix in _prefixes(world, route):
            yield EffectiveRoute(prefix, route.next_hop, route.address, "User", True, route.name, subnet.route_table)


def _prefixes(world: World, route: Route) -> Iterator[IPv4Network]:
    """The ranges of a route; those of a service tag where they were loaded: all are public."""
    try:
        found = [ip_network(route.prefix, strict=False)]
    except ValueError:
        tags = {name.lower(): nets for each in world.service_tags for name, nets in each.tags}
        found = list(tags.get(route.prefix.lower(), ()))
    yield from (each for each in found if isinstance(each, IPv4Network))


def next_hop(world: World, subnet: ResourceId, destination: IPv4Address) -> EffectiveRoute:
    """The route that a packet takes: the longest prefix, of equals the user's (azure.md 5.3).

    Raises:
        NotLoadedError: the subnet or its route table was not loaded.
    """
    return next(route for route in effective_routes(world, subnet) if route.active and destination in route.prefix)
