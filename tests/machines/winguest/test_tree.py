"""A script as a tree."""

from emulator.machines.winguest.parser import parse
from emulator.machines.winguest.tree import Block, Command, Literal


def test_texts_do_not_count() -> None:
    """Two scripts that say the same are the same, however they are written; their texts are kept for people."""
    assert parse("Foo  a") == parse("Foo a")
    assert (parse("Foo  a").text, parse("Foo a").text) == ("Foo  a", "Foo a")


def test_trees_are_values() -> None:
    """A part of a tree can be looked up, and is not changed."""
    assert {Command("", Literal("a")): 1}[Command("", Literal("a"), line="other")] == 1
    assert Block(()) == Block((), text="x")
