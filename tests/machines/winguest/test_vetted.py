"""What was checked is all that runs."""

import pytest

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.tree import Block
from emulator.machines.winguest.vetted import MAX_ENTRIES, Vetted


def test_only_what_was_checked_is_given() -> None:
    """A text or a line that no check has seen is refused."""
    vetted = Vetted()
    vetted.texts["1"] = Block(())

    assert vetted.text("1") == Block(())
    with pytest.raises(NotUnderstoodError):
        vetted.text("2")
    with pytest.raises(NotUnderstoodError, match="cmd"):
        vetted.line("cmd /c echo")


def test_the_oldest_is_forgotten() -> None:
    """A session's memory has an end, and what came last is in it."""
    vetted = Vetted()
    for number in range(MAX_ENTRIES + 10):
        more = Vetted()
        more.functions[str(number)] = None
        vetted.add(more)

    assert len(vetted.functions) == MAX_ENTRIES
    assert str(MAX_ENTRIES + 9) in vetted.functions
    assert "0" not in vetted.functions
