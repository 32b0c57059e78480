"""Where a private endpoint's connection begins, and where it may go."""

from dataclasses import replace

import pytest

from emulator.errors import InvalidInputError
from emulator.model.ids import SUBSCRIPTION, ResourceId, resource_id
from emulator.model.privatelink import ConnectionState, PrivateEndpoint, PrivateLinkService, ServiceConnection
from emulator.model.world import World
from emulator.rules import approval
from tests.worlds import with_state, world

OTHER = "11111111-1111-1111-1111-111111111111"
FOREIGN = resource_id("Microsoft.Network/privateEndpoints", "theirs", subscription=OTHER)


def service(**fields: tuple[str, ...]) -> PrivateLinkService:
    """The default world's service with other lists."""
    found = world().service
    assert found
    return replace(found, **fields)  # type: ignore[arg-type]


def asked(lists: dict[str, tuple[str, ...]], *, manual: bool = False, theirs: ConnectionState | None = None) -> World:
    """The default world, whose endpoint just asked for a connection in another subscription."""
    found = world()
    assert found.endpoint
    request = (ServiceConnection("request", service().id),)
    endpoint = PrivateEndpoint(
        FOREIGN,
        found.endpoint.subnet,
        () if manual else request,
        request if manual else (),
        interfaces=found.endpoint.interfaces,
    )
    (own,) = service().connections
    connections = (replace(own, endpoint=FOREIGN, state=theirs),) if theirs else ()
    known = replace(service(**lists), connections=connections)
    return found.laid(known, endpoint)


def state_of(found: World) -> str:
    """The state of the connection that was asked for."""
    endpoint: PrivateEndpoint = found.find("endpoints", FOREIGN)
    return endpoint.state


BEGINNINGS = [
    # lists, by hand, where it begins
    ({}, False, "Pending"),
    ({}, True, "Pending"),
    ({"auto_approval": (OTHER,)}, False, "Approved"),
    ({"auto_approval": (OTHER.upper(),)}, True, "Approved"),
    ({"auto_approval": ("*",)}, True, "Approved"),
    ({"auto_approval": (SUBSCRIPTION,), "visibility": ("*",)}, False, "Pending"),
    ({"visibility": (SUBSCRIPTION, OTHER)}, False, "Pending"),
]


@pytest.mark.parametrize(("lists", "manual", "state"), BEGINNINGS)
def test_the_lists_decide_where_a_connection_begins(
    lists: dict[str, tuple[str, ...]],
    manual: bool,  # noqa: FBT001 - a column of the table
    state: str,
) -> None:
    """`autoApproval` approves; without it another subscription's request waits."""
    assert state_of(approval.begun(asked(lists, manual=manual))) == state


def test_ones_own_subscription_may_approve() -> None:
    """Who deploys both sides is approved, unless by hand; what a document says stands, on either side."""
    own = resource_id("Microsoft.Network/privateEndpoints", "mine")

    assert approval.initial(service(), own, manual=False) == "Approved"
    assert approval.initial(service(), own, manual=True) == "Pending"
    assert state_of(approval.begun(asked({}, theirs="Rejected"))) == "Rejected"
    assert approval.begun(with_state(world(), "Pending")).endpoint == with_state(world(), "Pending").endpoint


def test_what_is_not_visible_cannot_be_asked_for() -> None:
    """A subscription that `visibility` leaves out is refused at deployment, with what it has."""
    found = asked({"visibility": (SUBSCRIPTION,)})

    with pytest.raises(InvalidInputError) as caught:
        approval.begun(found)
    assert str(caught.value) == (
        f"{FOREIGN}: privateLinkServiceConnections: found {service().id}, which is not visible to subscription "
        f"{OTHER}; visibility.subscriptions has {SUBSCRIPTION}"
    )
    assert not approval.is_visible(service(visibility=(SUBSCRIPTION,)), FOREIGN)
    assert approval.is_visible(service(), FOREIGN)


def of_provider(found: World, state: ConnectionState) -> World:
    """The world once the provider brought the connection into a state."""
    assert found.service
    (own,) = found.service.connections
    changed = found.laid(replace(found.service, connections=(replace(own, state=state),)))
    return approval.followed(found, changed)


def test_the_providers_word_counts_on_both_sides() -> None:
    """Approve, reject, approve again, remove: the endpoint follows; removed it stays so."""
    found = world()
    for state in ("Rejected", "Approved", "Pending", "Approved", "Disconnected"):
        found = of_provider(found, state)
        assert found.endpoint
        assert found.endpoint.state == state
    with pytest.raises(InvalidInputError, match="found Approved, expected Disconnected: a connection that was remov"):
        of_provider(found, "Approved")


def test_an_endpoint_of_an_unknown_service_is_left_alone() -> None:
    """Whose service was not loaded has no state to begin in."""
    found = asked({})
    endpoint: PrivateEndpoint = found.find("endpoints", FOREIGN)
    lost = replace(endpoint, connections=(ServiceConnection("request", ResourceId("/nowhere/x")),))
    begun = approval.begun(found.laid(lost))

    assert begun.find("endpoints", FOREIGN).connection.state is None
    assert state_of(begun) == "Pending"
