"""Parts of a script that have a value before it runs."""

import pytest

from emulator.machines.winguest import parser
from emulator.machines.winguest.constants import key_of, named, nodes, only_expression, unique
from emulator.machines.winguest.knowledge import Knowledge
from emulator.machines.winguest.tree import Assignment, Command, Expression, Literal
from tests.windows_guest import guest


@pytest.mark.parametrize(("name", "key"), [("X", "x"), ("Script:X", "x"), ("Env:Path", "env:path")])
def test_scopes_do_not_count(name: str, key: str) -> None:
    """A variable is one by whatever scope it is written."""
    assert key_of(name) == key


def test_every_part_is_visited() -> None:
    """However deep it is: in blocks, texts, tables, conditions and functions."""
    script = 'if (A) { B } else { function F { C } }; "$(D)"; @{x = E}; & { param($p = $(G)) H } | I'
    found = [node for node in nodes(parser.parse(script)) if isinstance(node, Command)]

    assert sorted(str(each.name.value) for each in found if isinstance(each.name, Literal)) == list("ABCDEGHI")


@pytest.mark.parametrize(
    ("line", "name"), [("gci a", "get-childitem"), ("Get-Item a", "get-item"), ("& $x", ""), ("foo", "")]
)
def test_names_of_cmdlets(line: str, name: str) -> None:
    """By alias too, and none where the name is computed or no cmdlet's."""
    (command,) = [node for node in nodes(parser.parse(line)) if isinstance(node, Command)]

    assert named(command) == name


def test_equal_values_of_other_kinds_stay() -> None:
    """1, True and "1" are three values."""
    assert unique([1, True, "1", 1, "1"]) == [1, True, "1"]


def assigned(script: str) -> Expression | None:
    """What the only assignment of a script assigns."""
    (found,) = [node for node in nodes(parser.parse(script)) if isinstance(node, Assignment)]
    return only_expression(found.value)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("'a'", "a"),
        ("5", 5),
        ('"a$(1)b"', "a1b"),
        ("('a')", "a"),
        ("@('a')", ["a"]),
        ("'a', 'b'", ["a", "b"]),
        ("'a' + 'b'", "ab"),
        ("'{0}-{1}' -f 'a', 'b'", "a-b"),
        ("[string]5", "5"),
        ("(Join-Path 'C:\\a' 'b')", "C:\\a\\b"),
        ("$env:SystemRoot", "C:\\Windows"),
    ],
)
def test_values(expression: str, value: object) -> None:
    """What is written, put together or joined is certain."""
    source = assigned(f"$x = {expression}")
    assert source is not None
    with guest() as made:
        assert Knowledge(made.engine).values(source) == [value] or Knowledge(made.engine).values(source) == (value,)


@pytest.mark.parametrize("expression", ["Get-Date", "$y", "'a' * 3", "'a'.Length", "[int]'5'", "$(1; 2)", "@{a = 1}"])
def test_no_values(expression: str) -> None:
    """What a command writes, what is read and what is computed otherwise is not."""
    source = assigned(f"$x = {expression}")
    with guest() as made:
        assert source is None or Knowledge(made.engine).values(source) is None
