"""Commands of a script: how arguments meet parameters before it runs."""

import pytest

from emulator.machines.winguest import commands, parser
from emulator.machines.winguest.check import Checker
from emulator.machines.winguest.check_commands import bound, folders
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.tree import Command, Literal, Pipeline
from tests.windows_guest import Guest, guest


def checked(made: Guest, script: str) -> tuple[Checker, Command]:
    """A checker of a script, and its last command."""
    block = parser.parse(script)
    last = block.statements[-1]
    assert isinstance(last, Pipeline)
    command = last.elements[-1]
    assert isinstance(command, Command)
    return Checker(made.engine, [block], frozenset()), command


@pytest.mark.parametrize(
    ("script", "given"),
    [
        ("Copy-Item a b", {"path": "a", "destination": "b"}),
        ("Copy-Item -Destination b a -Recurse", {"destination": "b", "path": "a", "recurse": ""}),
        ("Copy-Item -Dest:b -Path a", {"destination": "b", "path": "a"}),
        ("$t = @{Path = 'a'; Recurse = 'yes'}; Copy-Item @t b", {"path": "a", "recurse": "yes", "destination": "b"}),
        ("Write-Host a b c", {"object": "a"}),
    ],
)
def test_binds(script: str, given: dict[str, str]) -> None:
    """By name, by the beginning of a name, by position, from a table."""
    with guest() as made:
        checker, command = checked(made, script)
        found = commands.find(str(command.name.value)) if isinstance(command.name, Literal) else None
        assert found is not None
        arguments, loose = bound(checker, found, command.arguments)

        first = {name: each[0].value for name, each in arguments.items() if isinstance(each[0], Literal)}
        assert ({name: str(value) for name, value in first.items()}, list(loose)) == (given, [])


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("1 | Out-Null", ["C:\\Users\\packer"]),
        ("Set-Location C:\\Windows", ["C:\\Users\\packer", "C:\\Windows"]),
        ("if ($x) { cd C:\\a }; cd 'C:\\b'", ["C:\\Users\\packer", "C:\\a", "C:\\b"]),
    ],
)
def test_where_a_script_may_be(script: str, found: list[str]) -> None:
    """Where it starts, and wherever it goes."""
    with guest() as made:
        checker, _ = checked(made, script)

        assert sorted(folders(checker)) == sorted(found)


@pytest.mark.parametrize("script", ["cd ..", "cd $x", "'C:\\a' | Set-Location", "cd @t"])
def test_where_it_may_be_is_not_certain(script: str) -> None:
    """A folder that hangs on the one before, or is computed."""
    with guest() as made:
        checker, _ = checked(made, script)
        with pytest.raises(NotUnderstoodError):
            folders(checker)
