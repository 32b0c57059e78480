"""What all mappings of a scenario's file share."""

import pytest
from pydantic import ValidationError

from emulator.scenarios.patch import Patch, RulePatch, keys_of


def test_exactly_one_key_is_the_verb() -> None:
    """Its verb and its value are those of the one key; none and two are refused."""
    patch = Patch.model_validate({"remove_rule": "x"})

    assert (patch.verb, patch.value) == ("remove_rule", "x")
    for wrong in ({}, {"remove_rule": "x", "resource": {}}, "x"):
        with pytest.raises(ValidationError, match="exactly one of the keys rule, remove_rule, route"):
            Patch.model_validate(wrong)


def test_keys_are_those_that_users_write() -> None:
    """An alias is the key."""
    assert "from" in keys_of(RulePatch)
    assert "source" not in keys_of(RulePatch)


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a[b", ".a", "a b"])
def test_a_path_has_its_form(path: str) -> None:
    """Keys with points between, each with a name or a star in brackets, or without."""
    with pytest.raises(ValidationError, match="String should match pattern"):
        Patch.model_validate({"remove": {"resource": "x", "path": path}})
