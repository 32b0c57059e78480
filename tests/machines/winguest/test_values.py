"""PowerShell's values, and how one becomes another."""

import pytest

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.tree import Block
from emulator.machines.winguest.values import (
    CUSTOM,
    Hashtable,
    Script,
    Secret,
    Thing,
    Type,
    collected,
    is_true,
    items,
    to_integer,
    to_number,
    to_text,
    type_name,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "True"),
        (1.0, "1"),
        (0.5, "0.5"),
        ([1, "a"], "1 a"),
        (b"\x01\x02", "1 2"),
        (Hashtable({"a": 1}), "System.Collections.Hashtable"),
        (Thing(CUSTOM, {"a": 1, "b": 2}), "@{a=1; b=2}"),
        (Thing(("X",), {}, "shown"), "shown"),
        (Script(Block((), text=" 1 ")), " 1 "),
        (Secret("hidden"), "System.Security.SecureString"),
    ],
)
def test_as_text(value: object, text: str) -> None:
    """As in `"$value"`."""
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (None, False),
        ("", False),
        ("False", True),
        (0, False),
        ([], False),
        ([0], False),
        ([0, 0], True),
        (Hashtable(), True),
    ],
)
def test_as_truth(value: object, *, truth: bool) -> None:
    """Empty is false, an array of one is what is in it."""
    assert is_true(value) is truth


@pytest.mark.parametrize(("text", "number"), [("5", 5), (" 0x1F ", 31), ("1.5", 1.5), ("-2e3", -2000.0), ("", 0)])
def test_as_number(text: str, number: float) -> None:
    """Texts as PowerShell reads numbers."""
    assert to_number(text) == number


@pytest.mark.parametrize("value", ["x", "1x", Thing(CUSTOM)])
def test_no_number(value: object) -> None:
    """What is none is an error."""
    with pytest.raises(PowerShellError, match="Cannot convert value"):
        to_number(value)


def test_rounds_to_even() -> None:
    """Half numbers go to the even side."""
    assert [to_integer(value) for value in (0.5, 1.5, 2.5)] == [0, 2, 2]


def test_pipelines_unroll() -> None:
    """Null is nothing, an array its items; one item is itself again."""
    assert (items(None), items([1, 2]), items("ab"), items(b"\x01")) == ([], [1, 2], ["ab"], [1])
    assert (collected([]), collected([1]), collected([1, 2])) == (None, 1, [1, 2])


def test_tables_have_no_case() -> None:
    """Keys are found by any spelling, and keep the first one; their order stays."""
    table = Hashtable({"B": 1, "a": 2})
    table["b"] = 3

    assert (list(table.items()), table["A"], "B" in table, len(table)) == ([("B", 3), ("a", 2)], 2, True, 2)
    table.remove("B")
    table.clear()
    assert len(table) == 0


def test_properties_have_no_case() -> None:
    """A property is found by any spelling, and set where it is."""
    thing = Thing(CUSTOM, {"Name": 1})
    thing.put("NAME", 2)

    assert (thing.properties, thing.get("name"), thing.get("none")) == ({"Name": 2}, 2, None)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1, "System.Int32"),
        (2**40, "System.Int64"),
        ("", "System.String"),
        ([], "System.Object[]"),
        (True, "System.Boolean"),
        (Thing(("X",)), "X"),
    ],
)
def test_types(value: object, name: str) -> None:
    """Each value has its .NET type."""
    assert type_name(value) == name


def test_type_names() -> None:
    """`System.` and case do not count."""
    assert Type.of("System.IO.File") == Type.of("io.file")
