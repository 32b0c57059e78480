"""Resource IDs are compared as Azure compares them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.ids import SUBSCRIPTION, ResourceId, resource_id

parts = st.from_regex(r"[A-Za-z0-9._-]{1,12}", fullmatch=True)


@given(name=parts)
def test_case_and_a_last_slash_do_not_count(name: str) -> None:
    """IDs that differ in case or a trailing slash are one ID, printed as each was written."""
    written = resource_id("Microsoft.Network/loadBalancers", name)
    same = ResourceId(written.text.upper() + "/")

    assert (written == same, hash(written) == hash(same)) == (True, True)
    assert str(same) == written.text.upper() + "/"
    assert (written.name, same.name) == (name, name.upper())


def test_other_things_are_not_ids() -> None:
    """An ID equals no text and no ID of another name."""
    written = resource_id("Microsoft.Network/loadBalancers", "a")

    assert written != written.text
    assert written != resource_id("Microsoft.Network/loadBalancers", "b")


def test_parts() -> None:
    """An ID is made of subscription, group, type and name; a child's follows its parent's."""
    written = resource_id("Microsoft.Network/virtualNetworks", "v", group="g")

    assert (
        written.text
        == f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
    )
    assert written.child("subnets", "s").text == written.text + "/subnets/s"
    assert ResourceId(written.text + "/").child("subnets", "s") == written.child("subnets", "s")
    assert (written.child("subnets", "s").parent, written.parent.name) == (written, "Microsoft.Network")
    assert (written.subscription, written.resource_group) == (SUBSCRIPTION, "g")


# What an ID is of: the provider and every other segment after it (azure.md 0).
TYPES = [
    ("/subscriptions/s/resourceGroups/g/providers/A.B/c/n", "a.b/c"),
    ("/subscriptions/s/resourceGroups/g/providers/A.B/c/n/d/m/", "a.b/c/d"),
    ("/subscriptions/s/resourceGroups/g/providers/A.B/c/n/PROVIDERS/E.F/g/m", "e.f/g"),
    ("/subscriptions/s/resourceGroups/g", ""),
    ("/subscriptions/s/resourceGroups/g/providers/A.B", ""),
    ("", ""),
]


@pytest.mark.parametrize(("text", "kind"), TYPES)
def test_types(text: str, kind: str) -> None:
    """An ID says what it is the ID of, the last provider of it counting; a group is no resource."""
    assert ResourceId(text).type == kind


@pytest.mark.parametrize(
    ("text", "subscription", "group"),
    [
        ("/SUBSCRIPTIONS/Sub/RESOURCEGROUPS/Group", "Sub", "Group"),
        ("/subscriptions/Sub", "Sub", ""),
        ("/subscriptions", "", ""),
        ("/providers/Microsoft.Authorization/roleDefinitions/r", "", ""),
    ],
)
def test_where_it_is(text: str, subscription: str, group: str) -> None:
    """An ID says in which subscription and group it is, as it was written; what is in none says nothing."""
    assert (ResourceId(text).subscription, ResourceId(text).resource_group) == (subscription, group)


def test_scopes() -> None:
    """A scope contains itself and what is below it, not what only begins alike."""
    group = ResourceId("/subscriptions/s/resourceGroups/net")

    assert ResourceId("/subscriptions/S/resourcegroups/NET/providers/A.B/c/d").is_within(group)
    assert group.is_within(group)
    assert not ResourceId("/subscriptions/s/resourceGroups/network").is_within(group)
    assert not group.is_within(ResourceId("/subscriptions/s/resourceGroups/net/providers/A.B/c/d"))
