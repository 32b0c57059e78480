"""What is written is read back, whatever tool printed it; what is no resource is refused by our own error."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.network import VirtualNetwork
from emulator.model.resources import COLLECTIONS, Other, Resource
from emulator.model.world import World
from tests.azure_values import SOMEWHERE, VALUES, flattened, json_values, pascal, paths, resources, with_value


def read_back(document: Any) -> tuple[Resource, ...]:
    """The resources of a document, through text."""
    return arm.load([("a.json", arm.load_json("a.json", json.dumps(document)))]).resources


def attempt(document: Any) -> tuple[tuple[Resource, ...], str]:
    """The resources of a document, or what is said of it."""
    try:
        return read_back(document), ""
    except InvalidInputError as error:
        return (), str(error)


def test_every_type_has_a_strategy() -> None:
    """A new type of resource is not forgotten here."""
    assert set(VALUES) == set(COLLECTIONS)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read_back(kind: type, data: st.DataObject) -> None:
    """A resource of any type, written and read through text, is the same value with the same fields kept."""
    value = data.draw(VALUES[kind])
    document = arm.dump(value)

    (found,) = read_back(document)

    assert found == value
    assert arm.dump(found) == document


@settings(max_examples=20, deadline=None)
@given(few=st.lists(resources, unique_by=lambda each: each.id, min_size=1, max_size=6))
def test_a_world_is_written_and_read_back(few: list[Resource]) -> None:
    """The documents of a whole world, read over an empty one, are that world."""
    empty = World("existing-vnet", SOMEWHERE)
    found = empty.laid(*few)

    again = empty.laid(*read_back([arm.dump(each) for each in found.resources]))

    assert again == found
    assert [arm.dump(each) for each in again.resources] == [arm.dump(each) for each in found.resources]


@settings(max_examples=250, deadline=None)
@given(value=resources.filter(lambda each: not isinstance(each, Other)))
def test_the_shape_of_the_tool_makes_no_difference(value: Resource) -> None:
    """REST's form, the Azure CLI's without `properties` and PowerShell's spelling are the same value."""
    document = arm.dump(value)

    assert read_back(flattened(document)) == (value,)
    assert read_back(pascal(flattened(document))) == (value,)


@settings(max_examples=600, deadline=None)
@given(value=resources, data=st.data())
def test_random_values_raise_only_our_error(value: Resource, data: st.DataObject) -> None:
    """Whatever stands anywhere in a document of any type, resources come of it that can be written, or findings."""
    document = arm.dump(value)
    broken = with_value(document, data.draw(st.sampled_from(list(paths(document)))), data.draw(json_values))
    found, said = attempt(broken)

    assert all(line.startswith("a.json: ") and ": found " in line for line in said.splitlines())
    documents = [arm.dump(each) for each in found]
    again = read_back(documents) if documents else ()
    assert again == found
    assert [arm.dump(each) for each in again] == documents


@settings(max_examples=250, deadline=None)
@given(value=resources, data=st.data())
def test_missing_fields_raise_only_our_error(value: Resource, data: st.DataObject) -> None:
    """Whatever is null in a document of any type, resources come of it, or findings."""
    document = arm.dump(value)
    path = data.draw(st.sampled_from(list(paths(document))))

    found, said = attempt(with_value(document, path, None))

    assert bool(found) != (": found " in said)
    assert not found or read_back([arm.dump(each) for each in found]) == found


NETWORK = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/"
DELEGATION = {
    "id": f"{NETWORK}virtualNetworks/v/subnets/b/delegations/aci",
    "name": "aci",
    "properties": {"serviceName": "Microsoft.ContainerInstance/containerGroups", "actions": ["join/action"]},
    "etag": "x",
}
SUBNET = {"name": "b", "properties": {"addressPrefix": "10.0.0.0/24", "delegations": [DELEGATION]}}
CONFIGURED = [
    {"name": name, "properties": {"privateIPAddress": address, "groupId": "", "memberName": name}}
    for name, address in (("first", "10.0.0.5"), ("second", "10.0.0.6"))
]
ATTACHED = [{"id": f"{NETWORK}networkInterfaces/n", "properties": {"primary": True, "deleteOption": "Delete"}}]
TAG = {
    "name": "Storage",
    "id": "Storage",
    "properties": {"addressPrefixes": ["20.0.0.0/8"], "region": "westeurope", "changeNumber": "7"},
}
MORE = {
    "delegations": {
        "id": f"{NETWORK}virtualNetworks/v",
        "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [SUBNET]},
    },
    "ipConfigurations": {"id": f"{NETWORK}privateEndpoints/p", "properties": {"ipConfigurations": CONFIGURED}},
    "networkInterfaces": {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m",
        "properties": {"networkProfile": {"networkInterfaces": ATTACHED}},
    },
}


def found_at(key: str, document: Any) -> Any:
    """The first value of a key, wherever it is in a document."""
    if isinstance(document, dict) and key in document:
        return document[key]
    values = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
    return next((found for each in values if (found := found_at(key, each)) is not None), None)


@pytest.mark.parametrize("key", MORE)
def test_what_says_more_than_we_use_is_written_as_it_was(key: str) -> None:
    """Delegations, an endpoint's addresses and a machine's interfaces keep the fields that no decision reads."""
    (resource,) = read_back(MORE[key])
    (again,) = read_back(arm.dump(resource))

    assert found_at(key, arm.dump(resource)) == found_at(key, MORE[key])
    assert arm.dump(again) == arm.dump(resource)


def test_service_tags_are_written_as_they_were() -> None:
    """Regions and change numbers of service tags stay."""
    (resource,) = read_back({"id": f"{NETWORK}serviceTags/public", "values": [TAG]})

    assert arm.dump(resource)["values"] == [TAG]


def test_a_value_that_was_changed_is_written_anew() -> None:
    """What was read from the document counts no more once the value is another."""
    (network,) = read_back(MORE["delegations"])
    assert isinstance(network, VirtualNetwork)
    changed = replace(network, subnets=(replace(network.subnets[0], delegations=("Microsoft.Web/serverFarms",)),))

    assert found_at("delegations", arm.dump(changed)) == [
        {"name": "serverFarms", "properties": {"serviceName": "Microsoft.Web/serverFarms"}}
    ]
