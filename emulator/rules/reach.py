"""The path of any flow: over the channel, to a balancer, between two machines, to or from the Internet."""

from collections.abc import Iterator

from emulator.model.flow import Flow, Protocol
from emulator.model.ids import ResourceId
from emulator.model.network import Subnet
from emulator.model.world import PROXY_PORTS, World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import balanced, legs, path, security
from emulator.rules.condition import Condition
from emulator.rules.ends import End
from emulator.rules.legs import Leg, Path
from emulator.rules.outbound import outbound_checks
from emulator.rules.routes import next_hop
from emulator.rules.tags import NOT_INTERNET

SOURCE_PORT = 49152
"""The first port of the range that clients take theirs from (RFC 6335)."""
SYSTEM_OF = {port: system for system, port in PROXY_PORTS.items()}


def trace(
    world: World,
    condition: Condition,
    source: End,
    target: End,
    port: int,
    *,
    source_port: int = SOURCE_PORT,
    protocol: Protocol = Protocol.TCP,
) -> Path:
    """The path of a flow from one end to a port of another, up to what stops it.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    flow = Flow(source.address, source_port, target.address, port, protocol)
    if _is_channel(world, target):
        return path.decide(flow, world, condition, SYSTEM_OF.get(port, "linux"))
    for balancer in world.balancers:
        for front in balancer.frontends:
            if front.address == target.address:
                return balanced.through(world, condition, source, (balancer, front), flow)
    return Path((_direct(world, source, target, flow),))


def _is_channel(world: World, target: End) -> bool:
    """Whether an end is the private endpoint of the channel."""
    if world.topology != "existing-vnet" or world.endpoint is None:
        return False
    return target.address == world.address_of(world.endpoint)


def _direct(world: World, source: End, target: End, flow: Flow) -> Leg:
    checks = legs.settled(_direct_checks(world, source, target, flow))
    return Leg(f"{source.name} → {target.name}", 1, flow, legs.deciding(checks), target.resource, checks)


def _direct_checks(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    if target.subnet is None:
        yield from _to_internet(world, source, flow)
    elif source.subnet is None:
        yield from _from_internet(world, target, flow)
    else:
        yield from _to_network(world, source, target, flow)
        if target.interface is not None:
            yield from legs.arrival_checks(world, target.interface, flow, public=False)
        else:
            yield from _at_place(world, target.subnet, flow)


def _to_network(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    """Groups and routes on the way to another network: by a peering, or by a route of the user's to an appliance.

    Azure's own routes lead nowhere between networks that are not peered, even where the networks overlap.
    """
    if source.subnet is None or target.subnet is None:
        return
    no_route = Verdict(
        Outcome.DROPPED,
        Reason("state", target.subnet.id.text, "NoRoute"),
        f"{flow} has no route: the networks of {source} and {target} are not peered",
    )
    own = next_hop(world, source.subnet.id, flow.destination).source == "Default"
    if own and not _connected(world, source.subnet.id, target.subnet):
        yield no_route
    last = yield from legs.leaving_checks(world, source.interface or source.subnet.id, flow)
    if last is not None and not _connected(world, last, target.subnet):
        yield no_route


def _connected(world: World, source: ResourceId, target: Subnet) -> bool:
    """Whether two subnets lie in one network, or in networks that are peered."""
    home = world.network_of(source)
    return world.network_of(target.id) in (home, *world.peers(home))


def _at_place(world: World, subnet: Subnet, flow: Flow) -> Iterator[Verdict]:
    """An address in a subnet that no loaded machine has: its group speaks, and then nobody answers."""
    verdict = security.at_subnet(world, subnet.id, "Inbound", flow)
    if verdict is not None:
        yield verdict
    sentence = f"{flow} finds nobody: no machine with that address was loaded"
    yield Verdict(Outcome.DROPPED, Reason("state", subnet.id.text, "NobodyThere"), sentence)


def _to_internet(world: World, source: End, flow: Flow) -> Iterator[Verdict]:
    """Groups on the way out, then the way out itself."""
    if source.subnet is None:
        yield Verdict(Outcome.CARRIED, Reason("state", "", "Internet"), f"{flow} stays on the Internet")
    elif source.interface is None:
        yield from _from_place(world, source.subnet, flow)
    elif any(flow.destination in private for private in NOT_INTERNET):
        yield from legs.leaving_checks(world, source.interface, flow)
    else:
        yield security.at_interface(world, source.interface, "Outbound", flow)
        yield from outbound_checks(world, source.interface, flow.destination, flow)


def _from_place(world: World, subnet: Subnet, flow: Flow) -> Iterator[Verdict]:
    verdict = security.at_subnet(world, subnet.id, "Outbound", flow)
    if verdict is not None:
        yield verdict
    sentence = f"{flow} comes from nobody: no machine with that address was loaded"
    yield Verdict(Outcome.DROPPED, Reason("state", subnet.id.text, "NobodyThere"), sentence)


def _from_internet(world: World, target: End, flow: Flow) -> Iterator[Verdict]:
    """A public address in front of an interface, its groups, and the answer the same way back."""
    interface = target.interface
    if interface is None or world.public_address(interface) is None:
        reason = Reason("state", target.resource.text if target.resource else "", "NoPublicAddress")
        yield Verdict(Outcome.DROPPED, reason, f"{flow} has no way in: {target} has no public address")
    else:
        yield from legs.arrival_checks(world, interface, flow, public=True)
