"""Values as lines of text."""

import pytest

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.text import error_lines, is_object, lines_of, listed, tabled
from emulator.machines.winguest.values import CUSTOM, Hashtable, Thing


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (["a", 1, True], "a\r\n1\r\nTrue\r\n"),
        ([Thing(("X",), {}, "shown")], "shown\r\n"),
        ([Hashtable({"a": 1})], "\r\nName  Value\r\n----  -----\r\na     1\r\n\r\n\r\n"),
        (
            [Thing(CUSTOM, {"A": 1, "B": "x"}), Thing(CUSTOM, {"A": 22, "B": "y"})],
            "\r\nA   B\r\n-   -\r\n1   x\r\n22  y\r\n\r\n\r\n",
        ),
    ],
)
def test_lines(values: list[object], text: str) -> None:
    """Texts a line each, objects that follow one another in one table."""
    assert "".join(lines_of(values)) == text


def test_many_properties_make_a_list() -> None:
    """More columns than a table has are lines of their own."""
    text = "".join(lines_of([Thing(CUSTOM, {name: name for name in "ABCDE"})]))

    assert "A : A\r\nB : B\r\n" in text


def test_what_is_an_object() -> None:
    """A table or a thing without a text of its own is one."""
    assert [is_object(value) for value in (Hashtable(), Thing(CUSTOM), Thing(("X",), {}, "x"), "x")] == [
        True,
        True,
        False,
        False,
    ]


def test_tables_and_lists() -> None:
    """Columns are as wide as what is in them; names stand before their values."""
    rows = [{"Name": "long name", "N": "1"}, {"Name": "a", "N": "2"}]

    assert list(tabled(rows))[1:3] == ["Name       N\r\n", "----       -\r\n"]
    assert "Name : long name\r\n" in list(listed(rows))


def test_errors() -> None:
    """The sentence, and beneath it the category and the identity."""
    error = PowerShellError("it failed", "Identity,Command", "ObjectNotFound", "C:\\x", activity="Get-Item")

    assert error_lines(error).splitlines()[:1] == ["Get-Item : it failed"]
    assert "CategoryInfo          : ObjectNotFound: (C:\\x:String) [Get-Item], RuntimeException" in error_lines(error)
    assert "FullyQualifiedErrorId : Identity,Command" in error_lines(error)
