"""A private endpoint's connection: the state it begins in, and the states that it may come into.

Pending, Approved, Rejected, Disconnected (azure.md 4.3); the provider's word counts on both sides.
https://learn.microsoft.com/azure/private-link/manage-private-endpoint
"""

from dataclasses import replace

from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.privatelink import ConnectionState, PrivateEndpoint, PrivateLinkService, ServiceConnection
from emulator.model.world import World

GONE = ("Disconnected", "Removed")
EVERYBODY = "*"


def initial(service: PrivateLinkService, endpoint: ResourceId, *, manual: bool) -> ConnectionState:
    """The state that a new connection begins in, by the lists of the service.

    `autoApproval` names whose requests need nobody; another subscription's wait, and a request by hand does. Who
    deploys both sides in one subscription may approve (`privateEndpointConnectionsApproval/action`).
    """
    if _lists(service.auto_approval, endpoint):
        return "Approved"
    own = endpoint.subscription.lower() == service.id.subscription.lower()
    return "Approved" if own and not manual else "Pending"


def is_visible(service: PrivateLinkService, endpoint: ResourceId) -> bool:
    """Whether an endpoint's subscription may ask at all; an empty list leaves that to roles."""
    return not service.visibility or _lists(service.visibility, endpoint)


def _lists(subscriptions: tuple[str, ...], endpoint: ResourceId) -> bool:
    return bool({EVERYBODY, endpoint.subscription.lower()} & {each.lower() for each in subscriptions})


def begun(world: World) -> World:
    """The world with a state for each connection that has none yet.

    Raises:
        InvalidInputError: a service is not visible to an endpoint that asks for it; every such endpoint, one a line.
    """
    fresh = [each for each in world.endpoints if each.connection is not None and each.connection.state is None]
    known = [(each, found) for each in fresh if (found := _service(world, each)) is not None]
    refused = [_refusal(each, service) for each, service in known if not is_visible(service, each.id)]
    if refused:
        raise InvalidInputError("\n".join(refused))
    return world.laid(*(_begun(each, service) for each, service in known)) if known else world


def _service(world: World, endpoint: PrivateEndpoint) -> PrivateLinkService | None:
    found: PrivateLinkService | None = world.find("services", endpoint.service) if endpoint.service else None
    return found


def _refusal(endpoint: PrivateEndpoint, service: PrivateLinkService) -> str:
    return (
        f"{endpoint.id}: privateLinkServiceConnections: found {service.id}, which is not visible to subscription "
        f"{endpoint.id.subscription}; visibility.subscriptions has {', '.join(service.visibility)}"
    )


def _begun(endpoint: PrivateEndpoint, service: PrivateLinkService) -> PrivateEndpoint:
    theirs = next((each.state for each in service.connections if each.endpoint == endpoint.id), None)
    state = theirs or initial(service, endpoint.id, manual=not endpoint.connections)
    return _in_state(endpoint, state)


def _in_state(endpoint: PrivateEndpoint, state: ConnectionState) -> PrivateEndpoint:
    def told(connections: tuple[ServiceConnection, ...]) -> tuple[ServiceConnection, ...]:
        return tuple(replace(each, state=state) for each in connections)

    return replace(
        endpoint, connections=told(endpoint.connections), manual_connections=told(endpoint.manual_connections)
    )


def followed(before: World, after: World) -> World:
    """The world after a change, each endpoint in the state into which its provider brought the connection.

    Raises:
        InvalidInputError: a connection that was removed is to come back; each such endpoint, one a line.
    """
    changed = [(endpoint, state) for endpoint in after.endpoints if (state := _news(before, after, endpoint))]
    followed = after.laid(*(_in_state(endpoint, state) for endpoint, state in changed)) if changed else after
    back = [each for each in followed.endpoints if _state(before, each.id) in GONE and each.state not in GONE]
    if back:
        raise InvalidInputError("\n".join(_finality(each) for each in back))
    return begun(followed)


def _news(before: World, after: World, endpoint: PrivateEndpoint) -> ConnectionState | None:
    """The state that the service newly has of an endpoint's connection; None where it says nothing new."""
    then, now = _theirs(before, endpoint), _theirs(after, endpoint)
    return now if now != then else None


def _theirs(world: World, endpoint: PrivateEndpoint) -> ConnectionState | None:
    service = _service(world, endpoint)
    connections = service.connections if service else ()
    return next((each.state for each in connections if each.endpoint == endpoint.id), None)


def _state(world: World, endpoint: ResourceId) -> ConnectionState | None:
    found: PrivateEndpoint | None = world.find("endpoints", endpoint)
    return found.state if found else None


def _finality(endpoint: PrivateEndpoint) -> str:
    return (
        f"{endpoint.id}: privateLinkServiceConnectionState.status: found {endpoint.state}, expected Disconnected: a "
        "connection that was removed stays so, and only a new private endpoint helps"
    )
