"""What a command's name means, and what its arguments are bound to."""

import pytest

from emulator.machines.winguest import commands
from emulator.machines.winguest.errors import PowerShellError
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("get-item", "Get-Item"),
        ("GCI", "Get-ChildItem"),
        ("%", "ForEach-Object"),
        ("Microsoft.PowerShell.Utility\\Write-Host", "Write-Host"),
        ("C:\\tools\\echo", None),
        ("Get-Foo", None),
    ],
)
def test_names(name: str, found: str | None) -> None:
    """Names without case, aliases, names with their module; a path is none."""
    cmdlet = commands.find(name)

    assert (cmdlet.name if cmdlet else None) == found


@pytest.mark.parametrize(
    ("bound", "arguments"),
    [
        ([("", "a"), ("", "b")], {"path": "a", "destination": "b"}),
        ([("Dest", "b"), ("", "a")], {"destination": "b", "path": "a"}),
        ([("Destination", commands.ABSENT), ("", "b")], {"destination": "b"}),
        ([("Recurse", commands.ABSENT), ("", "a")], {"recurse": True, "path": "a"}),
        ([("Force", False)], {"force": False}),
    ],
)
def test_binds(bound: list[tuple[str, object]], arguments: dict[str, object]) -> None:
    """By position, by the beginning of a name, and switches without a value."""
    found = commands.find("Copy-Item")
    assert found is not None

    assert commands.bind(found, bound) == arguments


@pytest.mark.parametrize(
    ("bound", "part"),
    [
        ([("Frob", 1)], "parameter name 'Frob'"),
        ([("Path", commands.ABSENT)], "Missing an argument"),
        ([("", 1), ("", 2), ("", 3)], "positional parameter"),
    ],
)
def test_errors_of_binding(bound: list[tuple[str, object]], part: str) -> None:
    """Windows' sentences."""
    found = commands.find("Copy-Item")
    assert found is not None
    with pytest.raises(PowerShellError, match=part):
        commands.bind(found, bound)


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ('function F($a, [switch]$s, $b = 7) { "$a $s $b $args" }; F 1 -s 2 3', "1 True 2 3\r\n"),
        ('function F($a, $b) { "$a-$b" }; F -b 1 2; F -B:3 4', "2-1\r\n4-3\r\n"),
        ("function F([int]$n) { $n + 1 }; F '4'", "5\r\n"),
        ("function F {\n begin { 'b' }\n process { $_ }\n end { 'e' }\n}\n1, 2 | F", "b\r\n1\r\n2\r\ne\r\n"),
        ("function F { $input | ForEach-Object { $_ } }; 1, 2 | F", "1\r\n2\r\n"),
        ('$t = @{a=1; b=2}; function F($a, $b) { "$a$b" }; F @t', "12\r\n"),
        ("$l = 1, 2; function F { $args.Count }; F @l", "2\r\n"),
    ],
)
async def test_functions(script: str, stdout: str) -> None:
    """Parameters, switches, defaults, phases, splatting."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


async def test_endless_recursion_is_an_error() -> None:
    """A function that calls itself without end is ended by PowerShell's error."""
    with guest() as made:
        _, stderr, code = await made.powershell("function F { F }; F")

    assert ("call depth overflow" in stderr, code) == (True, 1)
