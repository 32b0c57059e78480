"""Routes between the hops: there, and back, since an answer that takes another way does not arrive."""

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

from emulator.errors import NotLoadedError
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface, Subnet
from emulator.model.world import Topology, World
from emulator.reason import Verdict
from emulator.rules import legs
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item
from emulator.rules.forwarding import routed

Way = tuple[Verdict, Subnet]
"""What the routes make of a packet, and the subnet that it is for."""


def _judged(world: World, place: ResourceId, ways: Iterable[Way]) -> Iterator[Answer]:
    """Failed for each packet that is lost, with the route that would keep it; ok where none is."""
    told = list(ways)
    lost = [(verdict, home) for verdict, home in told if not verdict.carried]
    for verdict, home in lost:
        mend = mends.route(world, verdict, _range_of(home))
        yield Answer("failed", ResourceId(verdict.reason.id), verdict.sentence, mend)
    if not lost:
        yield Answer("ok", place, "; ".join(dict.fromkeys(verdict.sentence for verdict, _ in told)))


def _range_of(home: Subnet) -> IPv4Network:
    found = next((each for each in home.prefixes if isinstance(each, IPv4Network)), None)
    if found is None:
        raise NotLoadedError(f"subnet {home.id} has no IPv4 range")
    return found


def proxy_reply(world: World) -> Iterator[Answer]:
    """The proxy's answers go back to the NAT addresses."""
    _, service, _ = world.linked
    home = world.subnet(service.subnet) if service.subnet else scene.build_subnet(world)
    for member in scene.proxies(world):
        proxy = world.interface_of(member)
        back = [routed(world, proxy.subnet, nat, f"the answer to {nat}") for nat in service.nat_addresses]
        yield from _judged(world, proxy.id, [(verdict, home) for verdict in back])


def proxy_to_build(world: World) -> Iterator[Answer]:
    """The proxy's packets go to the build VM."""
    for member in scene.proxies(world):
        yield from _there(world, world.interface_of(member))


def build_reply(world: World) -> Iterator[Answer]:
    """The build VM's answers go back to the proxy."""
    for member in scene.proxies(world):
        yield from _back(world, world.interface_of(member))


def container_to_build(world: World) -> Iterator[Answer]:
    """The container's packets go to the build VM."""
    yield from _there(world, scene.container(world))


def container_reply(world: World) -> Iterator[Answer]:
    """The build VM's answers go back to the container."""
    yield from _back(world, scene.container(world))


def _there(world: World, source: Interface) -> Iterator[Answer]:
    ways: list[Way] = []
    for build, port in scene.builds(world):
        flow = scene.flow_between(source, build, port)
        ways.append((routed(world, source.subnet, build.address, str(flow)), world.subnet(build.subnet)))
    yield from _judged(world, source.id, ways)


def _back(world: World, source: Interface) -> Iterator[Answer]:
    home = world.subnet(source.subnet)
    ways: list[Way] = []
    for build, port in scene.builds(world):
        flow = scene.flow_between(source, build, port)
        ways.append((routed(world, build.subnet, source.address, f"the answer to {flow}"), home))
    yield from _judged(world, scene.builds(world)[0][0].id, ways)


def public_reply(world: World) -> Iterator[Answer]:
    """The build VM's answers go straight back to a client on the Internet."""
    for build, port in scene.builds(world):
        flow = Flow(world.client, scene.ANY_PORT, build.address, port)
        lost = legs.returning_to_internet(world, build.subnet, flow)
        if lost is None:
            yield Answer("ok", build.id, f"the answer to {flow} goes straight to the Internet")
        else:
            mend = mends.route(world, lost, IPv4Network(world.client), "Internet")
            yield Answer("failed", ResourceId(lost.reason.id), lost.sentence, mend)


VNET = "VirtualNetwork"
ENDPOINT_OUT = mends.Opening("AllowClientToEndpointOutbound", "Outbound", VNET, VNET, ("60000-60001",), 5)
ENDPOINT_IN = mends.Opening("AllowClientToEndpointInbound", "Inbound", VNET, VNET, ("60000-60001",), 5)


def client_to_endpoint(world: World) -> Iterator[Answer]:
    """The client reaches the private endpoint: groups and routes of Image Builder's own network."""
    endpoint, _, _ = world.linked
    if endpoint.subnet is None:
        raise NotLoadedError(f"private endpoint {endpoint.id} names no subnet")
    home = world.subnet(endpoint.subnet)
    source = legs.home_of(world, world.client, world.network_of(home.id))
    if source is None:
        raise NotLoadedError(f"no subnet of {home.id.parent} holds the client at {world.client}")
    for port in scene.proxy_ports(world):
        flow = Flow(world.client, scene.ANY_PORT, world.address_of(endpoint), port)
        yield from _entering(world, endpoint.id, source, home, flow)


def _entering(world: World, endpoint: ResourceId, source: Subnet, home: Subnet, flow: Flow) -> Iterator[Answer]:
    left, refused = legs.leaving(world, source.id, flow), legs.at_private_endpoint(world, home, flow)
    if left is not None and left.reason.kind == "route":
        yield Answer("failed", ResourceId(left.reason.id), left.sentence, mends.route(world, left, _range_of(home)))
    elif left is not None:
        yield Answer("failed", ResourceId(left.reason.id), left.sentence, mends.allow(world, left, ENDPOINT_OUT))
    elif refused is not None:
        mend = mends.allow(world, refused, ENDPOINT_IN)
        yield Answer("failed", ResourceId(refused.reason.id), refused.sentence, mend)
    else:
        yield Answer("ok", endpoint, f"{flow} reaches private endpoint {endpoint.name}")


UDR = "https://learn.microsoft.com/azure/virtual-network/virtual-networks-udr-overview"
LINKED: tuple[Topology, ...] = ("existing-vnet",)
CONTAINERS: tuple[Topology, ...] = ("container-instance",)
LOST = (
    "A user-defined route for the network's own ranges leads packets to an appliance, and what that does not "
    "forward is lost"
)
ITEMS = (
    Item(
        "client-to-endpoint",
        "Commands enter by the private endpoint; nothing behind it sees what is lost before",
        "https://learn.microsoft.com/azure/private-link/private-endpoint-overview",
        client_to_endpoint,
        LINKED,
    ),
    Item("proxy-reply-route", f"{LOST}: so are the proxy's answers to the NAT address", UDR, proxy_reply, LINKED),
    Item("proxy-to-build-route", LOST, UDR, proxy_to_build, LINKED),
    Item("build-reply-route", f"{LOST}: so are the build VM's answers", UDR, build_reply, LINKED),
    Item("container-to-build-route", LOST, UDR, container_to_build, CONTAINERS),
    Item("container-reply-route", f"{LOST}: so are the build VM's answers", UDR, container_reply, CONTAINERS),
    Item(
        "public-reply-route",
        "With a route for 0.0.0.0/0 to an appliance or gateway the answer leaves by another address than it came to",
        UDR,
        public_reply,
        ("public-ip",),
    ),
)
