"""The kinds of faults: each has a name, says what it does, and limits every setting."""

import dataclasses

import pytest

from emulator.rules.faults.kinds import KINDS, Effect


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_is_called_by_its_name(name: str) -> None:
    """The table names each kind as it names itself."""
    assert KINDS[name].kind == name


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_kind_says_what_it_does(kind: type[Effect]) -> None:
    """Its docstring is the help text: a sentence."""
    assert kind.__doc__
    assert kind.__doc__.endswith(".")
    assert not kind.__doc__.startswith(kind.__name__)  # a dataclass without one gets its signature


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_setting_is_limited(kind: type[Effect]) -> None:
    """A setting has its limits or its words, and its default lies within."""
    for each in dataclasses.fields(kind):
        if "names" in each.metadata:
            assert each.default in each.metadata["names"]
        else:
            assert each.metadata["least"] <= each.metadata["most"]
            if each.default is not dataclasses.MISSING:
                assert each.metadata["least"] <= each.default <= each.metadata["most"]
