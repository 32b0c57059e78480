"""One object's fields, whatever tool printed it; what was not read of it."""

from typing import Any

import pytest

from emulator.model.arm.view import View
from emulator.model.kept import NOTHING, Kept

REST = {"id": "/a", "etag": "e", "properties": {"addressSpace": {"addressPrefixes": ["x"], "more": 1}, "other": 2}}
CLI = {"id": "/a", "etag": "e", "addressSpace": {"addressPrefixes": ["x"], "more": 1}, "other": 2}
POWERSHELL = {"Id": "/a", "Etag": "e", "AddressSpace": {"AddressPrefixes": ["x"], "more": 1}, "other": 2}
PATH = "addressSpace.addressPrefixes"


@pytest.mark.parametrize("raw", [REST, CLI, POWERSHELL])
def test_every_tool_is_read_by_rests_names(raw: dict[str, Any]) -> None:
    """A field is found by REST's name, in `properties` or without, in any case."""
    view = View(raw)

    assert (view.beside("id"), view.within(PATH), view.within("other")) == ("/a", ["x"], 2)
    assert (view.within("addressSpace.absent"), view.within("absent"), view.within("other.deeper")) == (None,) * 3
    assert view.flat == (raw is not REST)


@pytest.mark.parametrize("raw", [REST, CLI, POWERSHELL])
def test_what_is_left_is_kept_where_rest_has_it(raw: dict[str, Any]) -> None:
    """What was not read is kept, in REST's shape, with what is left of objects that were read in part."""
    view = View(raw)
    for key in ("id", "etag"):
        view.beside(key)
    view.within(PATH)

    assert view.kept() == Kept({}, {"addressSpace": {"more": 1}, "other": 2})


def test_what_stands_beside_is_kept_beside() -> None:
    """Of a flat object the well-known fields stand beside `properties`, all others within."""
    kept = View({"Etag": "e", "tags": {"a": "b"}, "provisioningState": "Succeeded"}).kept()

    assert kept == Kept({"Etag": "e", "tags": {"a": "b"}}, {"provisioningState": "Succeeded"})


def test_nothing_is_left() -> None:
    """Where everything was read, nothing is kept: also of objects of which the only field was."""
    view = View({"sku": {"name": "Standard"}, "properties": None})
    view.beside("sku.name")
    view.beside("properties")

    assert view.kept() is NOTHING


def test_objects_within_objects() -> None:
    """A field deep within is read, and what stands beside it on its way is kept."""
    view = View({"properties": {"StorageProfile": {"osDisk": {"osType": "Linux", "size": 30}, "image": 1}}})

    assert view.within("storageProfile.osDisk.osType") == "Linux"
    assert view.kept().within == {"storageProfile": {"osDisk": {"size": 30}, "image": 1}}


def test_a_whole_object_may_be_read() -> None:
    """An object that was read whole is not kept, though fields of it were asked for as well."""
    view = View({"properties": {"sku": {"name": "a", "tier": "b"}}})
    view.within("sku.name")
    view.within("sku")

    assert view.kept() is NOTHING


def test_whether_it_says_anything() -> None:
    """An object with `properties` says something, one without only where it has one of the fields."""
    assert View({"properties": {}}).has([])
    assert View({"Location": "x"}).has(["location"])
    assert View({"addressSpace": {}}).has([PATH])
    assert not View({"id": "/a", "name": "a"}).has(["location", PATH])
