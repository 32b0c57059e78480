"""A script's statements, as a tree or as a refusal."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.parser import parse
from emulator.machines.winguest.tree import (
    Assignment,
    Block,
    Command,
    Flow,
    ForEach,
    Function,
    If,
    Literal,
    Loop,
    Pipeline,
    Switch,
    Try,
    Variable,
)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ("if ($a) { 1 } elseif ($b) { 2 } else { 3 }", If),
        ("foreach ($x in 1..3) { $x }", ForEach),
        ("for ($i = 0; $i -lt 3; $i++) { $i }", Loop),
        ("while ($true) { break }", Loop),
        ("do { 1 } until ($true)", Loop),
        ("switch ($x) {\n 'a' { 1 }\n default { 2 }\n}", Switch),
        ("try { 1 } catch [IO.IOException] { 2 } finally { 3 }", Try),
        ("function F { 1 }", Function),
        ("throw 'x'", Flow),
        ("return", Flow),
        ("Get-Item a | Remove-Item", Pipeline),
        ("$x = 1", Pipeline),
    ],
)
def test_statements(script: str, kind: type) -> None:
    """Each statement is its own kind of node."""
    (statement,) = parse(script).statements

    assert isinstance(statement, kind)


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("Get-Item a", Literal("Get-Item")),
        ("& 'a b' c", Literal("a b")),
        ("& $x c", Variable("x")),
        (". $x", Variable("x")),
    ],
)
def test_names_of_commands(script: str, name: object) -> None:
    """A word, a text or a variable."""
    (statement,) = parse(script).statements
    assert isinstance(statement, Pipeline)
    (command,) = statement.elements

    assert isinstance(command, Command)
    assert command.name == name


def test_a_function_keeps_its_phases() -> None:
    """`begin`, `process` and `end` are a function's, with its parameters."""
    (function,) = parse("function F($a) {\n begin { 1 }\n process { 2 }\n}").statements

    assert isinstance(function, Function)
    assert [name for name, _ in function.body.phases] == ["begin", "process"]
    assert [each.name for each in function.body.parameters] == ["a"]


def test_assignments() -> None:
    """An operator before the `=` is kept."""
    (statement,) = parse("$x += 1").statements

    assert isinstance(statement, Pipeline)
    assert statement.elements == (Assignment(Variable("x"), "+", Pipeline((Literal(1),))),)


@pytest.mark.parametrize(
    "script",
    [
        "trap { 1 }", "class A { }", "enum A { B }", "filter F { $_ }", "workflow W { }", "data { 1 }",
        "switch -Regex ('a') { 'a' { 1 } }", ":label foreach ($x in 1) { break label }", "[ValidateSet('a')] $x = 1",
        "param([ValidateSet('a')] $x) 1", "function F([Parameter(ValueFromPipeline)] $x) { }",
    ],
)  # fmt: skip
def test_refuses(script: str) -> None:
    """What has another meaning than what is played is refused, not read as something else."""
    with pytest.raises(NotUnderstoodError):
        parse(script)


@settings(max_examples=300)
@given(st.text(alphabet="aA1$ (){}[]'\"|;,.=+-@%&<>\n`#:\\/", max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    """Nothing else is raised, whatever comes."""
    with contextlib.suppress(NotUnderstoodError):
        assert isinstance(parse(text), Block)
