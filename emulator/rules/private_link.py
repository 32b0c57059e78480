"""The client's side of private link: its way to the private endpoint, and the state of the connection there."""

from collections.abc import Iterator

from emulator.errors import NotLoadedError
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.privatelink import PrivateEndpoint, PrivateLinkService
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import legs
from emulator.rules.legs import Leg


def to_endpoint(flow: Flow, world: World, endpoint: PrivateEndpoint, service: PrivateLinkService) -> Leg:
    """The leg from a client to the private endpoint: groups, routes, and whether the connection is approved.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    checks = legs.settled(_endpoint_checks(flow, world, endpoint, service))
    return Leg("client → private-endpoint", 1, flow, checks[-1], endpoint.id, checks)


def _endpoint_checks(
    flow: Flow, world: World, endpoint: PrivateEndpoint, service: PrivateLinkService
) -> Iterator[Verdict]:
    address, subnet = world.address_of(endpoint), world.subnet(_subnet(endpoint))
    source = legs.origin_of(world, flow.source, world.network_of(subnet.id))
    if flow.destination != address or source is None:
        reason = Reason("state", endpoint.id.text, "NoRoute")
        yield Verdict(Outcome.DROPPED, reason, f"{flow} has no route to private endpoint {address}")
        return
    yield from legs.leaving_checks(world, source, flow)
    at_subnet = legs.at_private_endpoint(world, subnet, flow)
    if at_subnet is not None:
        yield at_subnet
    state = connection_state(endpoint, service)
    outcome = Outcome.CARRIED if state == "Approved" else Outcome.DROPPED
    sentence = f"the connection of private endpoint {endpoint.id.name} is {state}"
    yield Verdict(outcome, Reason("state", endpoint.id.text, state), sentence)


def _subnet(endpoint: PrivateEndpoint) -> ResourceId:
    if endpoint.subnet is None:
        raise NotLoadedError(f"private endpoint {endpoint.id} names no subnet")
    return endpoint.subnet


def connection_state(endpoint: PrivateEndpoint, service: PrivateLinkService) -> str:
    """The state of a connection: both sides have it, and where they differ the one that carries nothing counts."""
    theirs = next((each.state for each in service.connections if each.endpoint == endpoint.id), None)
    return endpoint.state if endpoint.state != "Approved" else theirs or endpoint.state
