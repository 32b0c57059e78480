"""The kinds that build VMs play: named, explained, and within limits."""

import dataclasses
import re

import pytest

from emulator.rules.faults.guest_kinds import GUEST_KINDS, GUESTS
from emulator.rules.faults.kinds import KINDS, Effect


@pytest.mark.parametrize("name", GUEST_KINDS)
def test_a_kind_is_called_by_its_name_and_plays_at_a_guest(name: str) -> None:
    """The table names each as it names itself; none is also another hop's."""
    assert GUEST_KINDS[name].kind == name
    assert GUEST_KINDS[name].where in GUESTS
    assert name not in KINDS


@pytest.mark.parametrize("kind", GUEST_KINDS.values(), ids=GUEST_KINDS)
def test_a_kind_says_what_it_does(kind: type[Effect]) -> None:
    """Its docstring is the help text, and says which service it is about."""
    assert re.match(r"(SSH|WinRM): .*\.$", kind.__doc__ or "", re.DOTALL)


@pytest.mark.parametrize("kind", GUEST_KINDS.values(), ids=GUEST_KINDS)
def test_every_setting_is_limited(kind: type[Effect]) -> None:
    """By words, a pattern or numbers, and its default lies within."""
    for each in dataclasses.fields(kind):
        allowed = each.metadata
        if "pattern" in allowed:
            assert re.fullmatch(allowed["pattern"], str(each.default))
        elif "names" in allowed:
            assert each.default in allowed["names"]
        else:
            assert allowed["least"] <= allowed["most"]
