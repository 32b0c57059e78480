"""Properties, methods and conversions: the part of .NET that is played."""

import datetime
from typing import Any, cast

import pytest

from emulator.machines.winguest import members
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import CUSTOM, ArrayList, Hashtable, Thing, Type

DATE = datetime.datetime(2024, 3, 5, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("abc", "Length", 3),
        ([1, 2], "count", 2),
        ([Thing(CUSTOM, {"a": 1}), Thing(CUSTOM, {"a": 2})], "A", [1, 2]),
        (Hashtable({"a": 1}), "a", 1),
        (Hashtable({"a": 1}), "Keys", ["a"]),
        (DATE, "Year", 2024),
        (None, "anything", None),
        (5, "Count", 1),
        (None, "Count", 0),
    ],
)
def test_properties(target: object, name: str, value: object) -> None:
    """Of a value, of each item of an array, and null where there is none."""
    assert members.read(target, name) == value


@pytest.mark.parametrize(
    ("target", "name", "arguments", "value"),
    [
        ("aBc", "ToUpper", [], "ABC"),
        ("abc", "Substring", [1, 1], "b"),
        ("a,b", "Split", [","], ["a", "b"]),
        (" a ", "Trim", [], "a"),
        ("a", "PadLeft", [3, "."], "..a"),
        ("abc", "IndexOf", ["c"], 2),
        ("a", "CompareTo", ["b"], -1),
        (ArrayList([1]), "Add", [2], 1),
        (ArrayList([1, 2]), "Contains", [2], True),
        (ArrayList([1]), "Insert", [0, 0], None),
        (Hashtable({"a": 1}), "ContainsKey", ["A"], True),
        (5, "ToString", ["D3"], "005"),
        (5, "CompareTo", [4], 1),
        (DATE, "AddDays", [1], DATE + datetime.timedelta(days=1)),
        (DATE, "ToString", ["yyyy"], "2024"),
        ("x", "GetType", [], "System.String"),
    ],
)
async def test_methods(target: object, name: str, arguments: list[object], value: object) -> None:
    """By name without case; a type's name is its text."""
    found = await members.call(cast("Any", None), target, name, arguments)

    assert (found.text if isinstance(found, Thing) else found) == value


@pytest.mark.parametrize(
    ("target", "name", "arguments", "part"),
    [
        (None, "ToString", [], "null-valued"),
        ("a", "AddDays", [1], "does not contain a method named 'AddDays'"),
        ("abc", "Substring", [5], "within the string"),
        ("a", "Replace", ["x"], "overload"),
        (Hashtable({"a": 1}), "Add", ["A", 2], "already been added"),
        (5, "ToString", ["P"], "not in a correct format"),
    ],
)
async def test_failing_methods(target: object, name: str, arguments: list[object], part: str) -> None:
    """What .NET throws, a script can catch."""
    with pytest.raises(PowerShellError, match=part):
        await members.call(cast("Any", None), target, name, arguments)


ADDED = {
    "str": set(members.STRINGS),
    "list": set(members.LISTS),
    "table": set(members.TABLES),
    "date": set(members.DATES),
    "number": set(members.NUMBERS),
}
REAL = {
    # What .NET's types have of all names that are played for some type
    "str": {"clear": False, "add": False, "addrange": False, "adddays": False, "getenumerator": True},
    "list": {"clear": True, "remove": True, "insert": True, "lastindexof": True, "equals": True, "replace": False},
    "table": {"clear": True, "remove": True, "insert": False, "indexof": False},
    "date": {"tostring": True, "compareto": True, "tolocaltime": True, "substring": False},
    "number": {"tostring": True, "compareto": True, "trim": False},
}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (kind, name)
        for kind, names in REAL.items()
        for name, has in names.items()
        if has and name not in ("equals", "getenumerator")
    ],
)
def test_a_method_that_a_type_has_is_played(kind: str, name: str) -> None:
    """A name that the check lets through is not missing on a type that has it in .NET: that would fail half-way."""
    assert name in ADDED[kind]


@pytest.mark.parametrize(
    ("kind", "value", "converted"),
    [
        ("int", "5", 5),
        ("string", 5, "5"),
        ("bool", "", False),
        ("string[]", [1], ["1"]),
        ("byte[]", [1, 2], b"\x01\x02"),
        ("char", 65, "A"),
        ("array", 1, [1]),
        ("void", 1, None),
        ("guid", "{12345678-1234-1234-1234-123456789abc}", "12345678-1234-1234-1234-123456789abc"),
    ],
)
def test_casts(kind: str, value: object, converted: object) -> None:
    """`[kind]value`."""
    assert members.converted(value, Type.of(kind)) == converted


@pytest.mark.parametrize(
    ("kind", "value"), [("int", "x"), ("byte[]", [300]), ("guid", "x"), ("datetime", "x"), ("frob", 1)]
)
def test_failing_casts(kind: str, value: object) -> None:
    """What cannot be converted is an error."""
    with pytest.raises(PowerShellError):
        members.converted(value, Type.of(kind))


def test_what_is_known_is_told() -> None:
    """Types, static methods, properties and enumerations that are played, and none besides."""
    assert members.is_known_type("System.IO.File")
    assert not members.is_known_type("System.Diagnostics.Process")
    assert members.has_static("IO.Path", "Combine")
    assert not members.has_static("IO.Path", "Frob")
    assert members.has_static_value("Net.SecurityProtocolType", "Tls12")
    assert members.has_static_value("Net.ServicePointManager", "SecurityProtocol")
    assert not members.has_static_value("Net.SecurityProtocolType", "Frob")


@pytest.mark.parametrize(
    ("target", "index", "value"),
    [("abc", 1, "b"), ([1, 2], -1, 2), ([1], 5, None), ([1, 2, 3], [0, 2], [1, 3]), (Hashtable({"a": 1}), "A", 1)],
)
def test_indexes(target: object, index: object, value: object) -> None:
    """From both ends, several at once, null outside."""
    assert members.indexed(target, index) == value
