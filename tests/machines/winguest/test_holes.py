"""Holes: what stands for a text that is known when a line runs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winguest import holes
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.holes import Hole, Holes


@given(st.lists(st.text(max_size=5), max_size=5), st.text(max_size=10))
def test_fills_what_it_made(names: list[str], value: str) -> None:
    """Each hole is filled with its own value, whatever that is, and nothing else is touched."""
    made = Holes()
    text = "-".join(made.make(Hole("variable", name)) for name in names)

    assert made.fill(text, lambda hole: f"<{hole.name}{value}>") == "-".join(f"<{name}{value}>" for name in names)


def test_the_same_is_the_same() -> None:
    """One hole stands for one thing, and different levels of cmd.exe are different things."""
    made = Holes()

    assert made.make(Hole("variable", "X")) == made.make(Hole("variable", "X"))
    assert made.make(Hole("variable", "X")) != made.make(Hole("variable", "X", level=1))


def test_arguments_of_powershell() -> None:
    """Arguments that PowerShell hands over stand for themselves, by number, up to a limit."""
    assert Holes().fill(holes.argument(1), lambda hole: f"{hole.kind} {hole.name}") == "argument 1"
    with pytest.raises(NotUnderstoodError):
        holes.argument(holes.MAX_ARGUMENTS)


@pytest.mark.parametrize(
    ("modifiers", "text"),
    [
        ("", '"C:\\f\\a.txt"'),
        ("~", "C:\\f\\a.txt"),
        ("~n", "a"),
        ("~x", ".txt"),
        ("~nx", "a.txt"),
        ("~dp", "C:\\f\\"),
        ("~f", "C:\\f\\a.txt"),
    ],
)
def test_parts_of_a_path(modifiers: str, text: str) -> None:
    """`%~dp1` and the like take quotes off and pick parts."""
    assert holes.modified('"C:\\f\\a.txt"', modifiers, lambda path: path) == text


@pytest.mark.parametrize(
    ("modifiers", "text"),
    [
        (":~2", "cdef"),
        (":~0,2", "ab"),
        (":~-2", "ef"),
        (":~1,-1", "bcde"),
        (":cd=X", "abXef"),
        (":CD=", "abef"),
        (":*c=X", "Xdef"),
        ("", "abcdef"),
    ],
)
def test_slices(modifiers: str, text: str) -> None:
    """`%X:~1,2%` cuts, `%X:a=b%` replaces without regard to case."""
    assert holes.sliced("abcdef", modifiers) == text
