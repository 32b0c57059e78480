"""An outcome is a value."""

import dataclasses

import pytest

from emulator.channels.base import Outcome


def test_an_outcome_does_not_change() -> None:
    """Two equal outcomes are equal, and neither can be altered."""
    outcome = Outcome(0, b"a", b"")
    assert outcome == Outcome(0, b"a", b"")
    with pytest.raises(dataclasses.FrozenInstanceError):
        outcome.exit_code = 1  # type: ignore[misc]
