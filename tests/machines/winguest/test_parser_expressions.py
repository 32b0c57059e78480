"""Expressions of a script, as trees."""

import pytest

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.parser import parse
from emulator.machines.winguest.tree import (
    Array,
    Binary,
    Call,
    Cast,
    Collected,
    Expandable,
    Hash,
    Index,
    Literal,
    Member,
    Pipeline,
    TypeName,
    Unary,
    Variable,
)

X = Variable("x")


@pytest.mark.parametrize(
    ("script", "tree"),
    [
        ("1", Literal(1)),
        ("0x1F", Literal(31)),
        ("2kb", Literal(2048)),
        ("1.5", Literal(1.5)),
        ("'it''s'", Literal("it's")),
        ('"a`tb"', Literal("a\tb")),
        ('"a$x"', Expandable(("a", X))),
        ('"a$(1)b"', Expandable(("a", Collected("$", (Pipeline((Literal(1),)),)), "b"))),
        ("@'\na\n'@", Literal("a")),
        ("$env:Path", Variable("env:Path")),
        ("${x}", X),
        ("1, 2", Array((Literal(1), Literal(2)))),
        ("@(1)", Collected("@", (Pipeline((Literal(1),)),))),
        ("@{a = 1}", Hash(((Literal("a"), Pipeline((Literal(1),))),))),
        ("[int]$x", Cast("int", X)),
        ("[int]", TypeName("int")),
        ("$x.a", Member(X, Literal("a"))),
        ("[int]::a", Member(TypeName("int"), Literal("a"), is_static=True)),
        ("$x.a(1)", Call(X, "a", (Literal(1),))),
        ("[int]::a()", Call(TypeName("int"), "a", (), is_static=True)),
        ("$x[0]", Index(X, Literal(0))),
        ("-not $x", Unary("-not", X)),
        ("$x++", Unary("++", X, is_postfix=True)),
        ("1 + 2 * 3", Binary("+", Literal(1), Binary("*", Literal(2), Literal(3)))),
        ("1..3", Binary("..", Literal(1), Literal(3))),
        ("$x -EQ 1", Binary("-eq", X, Literal(1))),
    ],
)
def test_expressions(script: str, tree: object) -> None:
    """By their precedence, with texts as they are meant."""
    (statement,) = parse(script).statements

    assert statement == Pipeline((tree,))  # type: ignore[arg-type]


@pytest.mark.parametrize("script", ["$x.$($y)()", "$x ? 1 : 2", "$x ?? 1", "1 -shl"])
def test_refuses(script: str) -> None:
    """Computed names of methods, later versions' operators and halves are not played."""
    with pytest.raises(NotUnderstoodError):
        parse(script)
