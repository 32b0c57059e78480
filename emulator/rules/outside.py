"""Flows from and to what lies in no network that was loaded: the Internet, Azure's platform, other private space."""

from collections.abc import Iterator

from emulator.errors import NotLoadedError
from emulator.model.flow import Flow
from emulator.model.network import Subnet
from emulator.model.world import PROBE_SOURCE, World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import legs, security
from emulator.rules.ends import End
from emulator.rules.outbound import outbound_checks
from emulator.rules.routes import PLATFORM_SERVICES
from emulator.rules.tags import NOT_INTERNET


def is_private(end: End) -> bool:
    """Whether an end lies in private space of which nothing was loaded."""
    return end.subnet is None and any(end.address in each for each in NOT_INTERNET)


def leaving(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    """What a flow meets on its way out to an address in no loaded network.

    Raises:
        NotLoadedError: a resource that decides was not loaded: also what lies at a private address, once everything
            on our side lets the flow go there.
    """
    if source.subnet is None:
        yield from _without_us(source, target, flow)
    elif source.interface is None:
        yield from _from_place(world, source.subnet, flow)
    elif flow.destination in PLATFORM_SERVICES:
        yield from legs.leaving_checks(world, source.interface, flow)
    elif is_private(target):
        yield from legs.leaving_checks(world, source.interface, flow)
        raise NotLoadedError(f"{flow} leaves {source}, and nothing that was loaded has {target.address} in it")
    else:
        yield security.at_interface(world, source.interface, "Outbound", flow)
        yield from outbound_checks(world, source.interface, flow.destination, flow)


def _without_us(source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    """A flow that touches nothing that was loaded."""
    if target.address in PLATFORM_SERVICES:
        sentence = f"{flow} finds nobody: the platform's own addresses answer machines in virtual networks alone"
        yield Verdict(Outcome.DROPPED, Reason("state", "", "PlatformService"), sentence)
        return
    for end in (source, target):
        if is_private(end) or end.address == PROBE_SOURCE:
            raise NotLoadedError(f"{flow} touches nothing that was loaded: no network has {end.address} in it")
    yield Verdict(Outcome.CARRIED, Reason("state", "", "Internet"), f"{flow} stays on the Internet")


def entering(world: World, source: End, target: End, flow: Flow) -> Iterator[Verdict]:
    """What a flow from an address in no loaded network meets at a machine: the host's own, a stranger's, a client's.

    Raises:
        NotLoadedError: a resource that decides was not loaded: also what lies at a private address, if everything
            on our side lets its flow in.
    """
    interface = target.interface
    if interface is not None and flow.source == PROBE_SOURCE:
        yield security.at_interface(world, interface, "Inbound", flow)
    elif interface is not None and is_private(source):
        yield from legs.arrival_checks(world, interface, flow, public=False)
        raise NotLoadedError(f"{flow} is let in, and what {source.address} meets on its own side was not loaded")
    elif interface is None or (target.public is None and world.public_address(interface) is None):
        reason = Reason("state", target.resource.text if target.resource else "", "NoPublicAddress")
        yield Verdict(Outcome.DROPPED, reason, f"{flow} has no way in: {target} has no public address")
    else:
        yield from legs.arrival_checks(world, interface, flow, public=True)


def _from_place(world: World, subnet: Subnet, flow: Flow) -> Iterator[Verdict]:
    verdict = security.at_subnet(world, subnet.id, "Outbound", flow)
    if verdict is not None:
        yield verdict
    sentence = f"{flow} comes from nobody: no machine with that address was loaded"
    yield Verdict(Outcome.DROPPED, Reason("state", subnet.id.text, "NobodyThere"), sentence)
