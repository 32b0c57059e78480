"""Resource IDs are compared as Azure compares them."""

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
