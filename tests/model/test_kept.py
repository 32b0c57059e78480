"""What nobody reads is carried along and decides nothing."""

from dataclasses import fields, replace

import pytest
from hypothesis import given, settings

from emulator.model.kept import NOTHING, Kept
from emulator.model.resources import Other, Resource
from tests.azure_values import VALUES, resources

HOLDERS = [kind for kind in VALUES if kind is not Other]


@settings(max_examples=50, deadline=None)
@given(value=resources.filter(lambda each: not isinstance(each, Other)))
def test_it_makes_no_difference(value: Resource) -> None:
    """A resource with other fields kept is the same resource, also as a key."""
    assert not isinstance(value, Other)
    changed = replace(value, kept=Kept({"etag": "W/1"}, {"provisioningState": "Succeeded"}))

    assert (changed == value, hash(changed) == hash(value)) == (True, True)
    assert "Succeeded" not in repr(changed)


@pytest.mark.parametrize("kind", HOLDERS, ids=lambda kind: kind.__name__)
def test_nothing_is_kept_at_first(kind: type) -> None:
    """A resource that was not read from a document has nothing kept."""
    assert {field.name: field.default for field in fields(kind)}["kept"] is NOTHING
    assert Kept() == NOTHING
