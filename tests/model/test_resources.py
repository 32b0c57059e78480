"""Every kind of resource has its place in a world."""

from dataclasses import fields
from typing import get_args

from emulator.model.ids import resource_id
from emulator.model.resources import COLLECTIONS, Other, Parts, Resource
from emulator.model.world import World
from tests.azure_values import SOMEWHERE


def test_each_type_has_its_own_collection() -> None:
    """Types and collections match one to one, and a world has each of them."""
    assert set(COLLECTIONS) == set(get_args(Resource))
    assert len(set(COLLECTIONS.values())) == len(COLLECTIONS)
    assert set(COLLECTIONS.values()) < {field.name for field in fields(World)}


def test_another_resource_is_its_id() -> None:
    """Of a resource that no decision reads only the ID counts."""
    gateway = resource_id("Microsoft.Network/natGateways", "g")

    assert Other(gateway, {"a": 1}) == Other(gateway)
    assert World("existing-vnet", SOMEWHERE, others=(Other(gateway),)).resources == [Other(gateway)]


def test_a_channel_has_no_parts_until_it_is_said() -> None:
    """A world that nobody prepared has no member and no part of the channel."""
    assert Parts() == Parts(None, None, None, None, None, ())
