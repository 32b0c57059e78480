"""The path of any flow: over the channel, to a balancer, between two machines, to or from the Internet."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from emulator.model.flow import Flow, Protocol
from emulator.model.network import Subnet
from emulator.model.world import PROXY_PORTS, World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import balanced, crossing, legs, outside, path, security
from emulator.rules.condition import Condition
from emulator.rules.ends import End
from emulator.rules.legs import Leg, Path
from emulator.rules.outbound import SOMEWHERE

SOURCE_PORT = 49152
"""The first port of the range that clients take theirs from (RFC 6335)."""
SYSTEM_OF = {port: system for system, port in PROXY_PORTS.items()}


def trace(
    world: World,
    condition: Callable[[], Condition],
    source: End,
    target: End,
    port: int,
    *,
    source_port: int = SOURCE_PORT,
    protocol: Protocol = Protocol.TCP,
) -> Path:
    """The path of a flow from one end to a port of another, up to what stops it.

    The condition is asked for only where the path hangs on it: at the channel, and at its balancer.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    flow = Flow(source.address, source_port, target.address, port, protocol)
    if _is_channel(world, target):
        return path.decide(flow, world, condition(), SYSTEM_OF.get(port, "linux"))
    dialled = balanced.dialled_at(world, target)
    if dialled is not None:
        return balanced.through(world, condition, source, dialled, flow)
    return Path((_direct(world, source, target, flow),))


def _is_channel(world: World, target: End) -> bool:
    """Whether an end is the private endpoint of the channel."""
    if world.topology != "existing-vnet" or world.endpoint is None:
        return False
    return target.resource == world.endpoint.id or (
        target.interface is not None and target.interface.id in world.endpoint.interfaces
    )


def _direct(world: World, source: End, target: End, flow: Flow) -> Leg:
    checks = legs.settled(_direct_checks(world, source, target, flow))
    return Leg(f"{source.name} → {target.name}", 1, flow, legs.deciding(checks), target.resource, checks)


def _direct_checks(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    if _is_nat(world, target):
        yield _one_way(flow, target)
    if target.public is not None and source.subnet is not None:
        yield from _by_public_address(world, source, target, flow)
    elif target.subnet is None:
        yield from outside.leaving(world, source, target, flow)
    elif source.subnet is None:
        yield from outside.entering(world, source, target, flow)
    else:
        yield from crossing.to_network(world, source, target, flow)
        if target.interface is not None:
            yield from legs.arrival_checks(world, target.interface, flow, public=False)
        else:
            yield from _at_place(world, target.subnet, flow)


def _is_nat(world: World, target: End) -> bool:
    """Whether an end is a NAT address of a private link service."""
    return any(
        target.address == nat.address and (target.subnet is None or nat.subnet in (None, target.subnet.id))
        for service in world.services
        for nat in service.nat
    )


def _one_way(flow: Flow, target: End) -> Verdict:
    """A NAT address takes no connections: private link opens them from the endpoint's side alone (azure.md 4.2)."""
    reason = Reason("state", target.resource.text if target.resource else "", "NatAddress")
    sentence = f"{flow} finds nobody: {target.address} is a NAT address of private link, a source and no destination"
    return Verdict(Outcome.DROPPED, reason, sentence)


def _by_public_address(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    """From a network to a machine's public address: out to the Internet, and in again from a public source.

    The source is translated on the way out: to the machine's public IP, or to one that stands for any.
    """
    if target.public is None or target.interface is None:
        return
    beyond = End(target.name, target.public, resource=target.resource)
    yield from outside.leaving(world, source, beyond, replace(flow, destination=target.public))
    public = world.public_address(source.interface) if source.interface else None
    inside = replace(flow, source=public or SOMEWHERE)
    yield from legs.arrival_checks(world, target.interface, inside, public=True)


def _at_place(world: World, subnet: Subnet, flow: Flow) -> Iterator[Verdict]:
    """An address in a subnet that no loaded machine has: its group speaks, and then nobody answers."""
    verdict = security.at_subnet(world, subnet.id, "Inbound", flow)
    if verdict is not None:
        yield verdict
    sentence = f"{flow} finds nobody: no machine with that address was loaded"
    yield Verdict(Outcome.DROPPED, Reason("state", subnet.id.text, "NobodyThere"), sentence)
