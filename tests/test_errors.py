"""Every error on purpose has one parent and speaks for itself."""

import pytest

from emulator.errors import EmulatorError, InvalidInputError, PeerError, UnavailableError


@pytest.mark.parametrize("kind", [InvalidInputError, UnavailableError, PeerError])
def test_one_parent(kind: type[EmulatorError]) -> None:
    """One `except` catches what this package raises on purpose, and no bug."""
    assert issubclass(kind, EmulatorError)
    assert str(kind("a sentence")) == "a sentence"
    assert not issubclass(kind, (AssertionError, OSError))
