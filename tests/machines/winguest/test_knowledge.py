"""What is known of a script before it runs: never a value too few."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.machines.winguest import parser
from emulator.machines.winguest.constants import Values
from emulator.machines.winguest.knowledge import Knowledge
from emulator.machines.winguest.tree import Literal, Variable
from tests.windows_guest import guest


def values(script: str, name: str = "x") -> Values:
    """What a variable may be, whatever of a script runs."""
    with guest() as made:
        knowledge = Knowledge(made.engine)
        knowledge.learn(parser.parse(script))
        return knowledge.values(Variable(name))


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("$x = 'a'", [None, "a"]),
        ("$x = 'a'; if ($y) { $x = 'b' }", [None, "a", "b"]),
        ("foreach ($x in 'a', 'b') { 1 }", [None, "a", "b"]),
        ("$y = 'b'; $x = \"a$y\"", [None, "a", "ab"]),
        ("$x = 'a' + 'b'", [None, "ab"]),
        ("$x = Join-Path 'C:\\' 'a'", [None, "C:\\a"]),
        ("[string]$x = 5", [None, "5"]),
        ("$global:x = 'a'", [None, "a"]),
        ('$x = "$env:SystemRoot\\a"', [None, "C:\\Windows\\a"]),
    ],
)
def test_follows_constants(script: str, found: list[str]) -> None:
    """Every value that some assignment may give, null among them as long as none is certain."""
    assert sorted(map(str, values(script) or ())) == sorted(map(str, found))


@pytest.mark.parametrize(
    "script",
    [
        "1",
        "$x = Get-Content C:\\a",
        "$x = 'a'; $x += 'b'",
        "$x = 1; $x++",
        "$x = $y",
        "param($x = 'a') 1",
        "function f($x) { 1 }; $x = 'a'",
        "$x, $y = 'a', 'b'",
        "foreach ($x in Get-ChildItem) { 1 }",
        "$x = 'a'; Set-Variable x 'b'",
        "$x = 'a'; sv -Name variable:x -Value 'b'",
        "$x = 'a'; Set-Variable $y 'b'",
        "$x = 'a'; Remove-Item variable:x",
        "$x = @{}; $x.a = 1",
        "$x = $env:CHANGED; $env:CHANGED = Get-Date",
        "$x = $env:A; [Environment]::SetEnvironmentVariable($y, 'b')",
        "$x = 'a' * 3",
        "$x = $x + 'a'",
    ],
)
def test_what_is_not_certain_is_unknown(script: str) -> None:
    """A value that is computed, given, counted up or set by name is not guessed."""
    assert values(script) is None


def test_too_many_values_are_unknown() -> None:
    """Following ends at a number of values, and at a depth."""
    assert values("; ".join(f"$x = '{number}'" for number in range(40))) is None
    assert values("$a0 = 'a'; " + "; ".join(f"$a{n + 1} = $a{n}" for n in range(40)) + "; $x = $a40") is None


def test_a_certain_assignment_leaves_no_null() -> None:
    """Behind an assignment that always runs, a variable is not null."""
    with guest() as made:
        knowledge, block = Knowledge(made.engine), parser.parse("$x = 'a'; if ($y) { $z = 'b' }")
        knowledge.learn(block)
        for statement in block.statements:
            knowledge.follow(statement)

        assert knowledge.values(Variable("x")) == ["a"]
        assert knowledge.values(Variable("z")) == [None, "b"]


def test_keys_of_tables() -> None:
    """A table's keys are those that are written, and unknown where one is computed."""
    with guest() as made:
        knowledge = Knowledge(made.engine)
        knowledge.learn(
            parser.parse("$t = @{a=1}; $t['b'] = 2; $t.Add('c', 3); $u = @{a=1}; $u[$k] = 2; $v = Get-Date")
        )

        assert sorted(knowledge.keys("t") or ()) == ["a", "b", "c"]
        assert (knowledge.keys("u"), knowledge.keys("v"), knowledge.keys("none")) == (None, None, None)
        assert knowledge.entries("t", "B") == [Literal(2)]


@pytest.mark.parametrize(
    ("script", "names"),
    [
        ("$env:A = 1; Remove-Item env:B", {"a", "b"}),
        ("[Environment]::SetEnvironmentVariable($n, 1)", None),
        ("1", set()),
    ],
)
def test_changing_environment(script: str, names: set[str] | None) -> None:
    """The environment variables that a script may change, or any."""
    with guest() as made:
        knowledge = Knowledge(made.engine)
        knowledge.learn(parser.parse(script))

        assert knowledge.changing() == names


assignments = st.lists(
    st.sampled_from(
        (
            "$x = 'a'", "$x = 'b'", "$y = 'c'", "$x = $y", '$x = "$y-d"', "$y = $x + 'e'", "if ($true) { $x = 'f' }",
            "if ($false) { $x = 'g' }", "foreach ($x in 'h', 'i') { $y = $x }", "& { $x = 'j' }", ". { $x = 'k' }",
            "$x = Get-Date -Format yyyy", "Set-Variable y 'l'", "$x += 'm'", "try { throw 'n' } catch { $x = 'n' }",
        )
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


@settings(max_examples=150)
@given(assignments)
def test_what_it_is_was_foreseen(lines: list[str]) -> None:
    """Where the values of a variable are known, the one that it has in the end is among them."""
    script = "\n".join(lines)
    foreseen = values(script)
    with guest() as made:
        stdout, _, _ = asyncio.run(made.powershell(f'{script}\n"<$x>"'))

        if foreseen is not None:
            assert stdout.removesuffix("\r\n") in {f"<{'' if value is None else value}>" for value in foreseen}
