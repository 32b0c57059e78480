"""Programs that a script starts: which names are ones, and their command lines."""

import pytest

from emulator.machines.winguest import holes, parser, programs
from emulator.machines.winguest.commands import ABSENT
from emulator.machines.winguest.tree import Command, Pipeline, Variable
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("name", "is_program"),
    [
        ("cmd", True),
        ("CMD.EXE", True),
        (r"C:\Windows\System32\cmd.exe", True),
        (r"c:/windows/system32\\ping.exe", True),
        (r"C:\Windows\System32\Sysprep\Sysprep.exe", True),
        ("sysprep", False),
        (r"C:\tools\cmd.exe", False),
        (r"C:\Windows\System32\Sysprep\cmd.exe", False),
        # cmd.exe's own commands are no programs
        ("ver", False),
        ("goto", False),
        ("notepad.exe", False),
    ],
)
def test_what_is_a_program(name: str, *, is_program: bool) -> None:
    """A program is one where Windows has it, and nowhere else."""
    assert programs.is_program(name) is is_program


def command(script: str) -> Command:
    """The only command of a script."""
    (statement,) = parser.parse(script).statements
    assert isinstance(statement, Pipeline)
    (found,) = statement.elements
    assert isinstance(found, Command)
    return found


def test_a_line_with_holes() -> None:
    """What stands is text, what is computed is a hole, within quotes too."""
    line, fillers = programs.template("cmd", command('cmd /c "echo $x and y" $z').arguments)

    assert line == f'cmd /c "echo {holes.argument(0)} and y" {holes.argument(1)}'
    assert fillers == [Variable("x"), Variable("z")]


@pytest.mark.parametrize(
    ("bound", "line"),
    [
        ([("", "/c"), ("", "echo a b")], 'cmd /c "echo a b"'),
        ([("", ["a", "b"])], "cmd a b"),
        ([("Name", 1), ("Switch", ABSENT)], "cmd -Name 1 -Switch"),
    ],
)
def test_a_line_of_values(bound: list[tuple[str, object]], line: str) -> None:
    """Arguments are joined with spaces, and quoted where they have some."""
    assert programs.line_of("cmd", bound) == line


async def test_streams_and_codes() -> None:
    """A program's output flows on, its errors are errors, its exit code is `$LASTEXITCODE`."""
    with guest() as made:
        script = "$out = cmd /c 'echo out& echo err>&2& exit 3'; \"<$out>\"; $LASTEXITCODE; $?"
        stdout, stderr, _ = await made.powershell(script)

    assert (stdout, stderr) == ("<out>\r\n3\r\nTrue\r\n", "err\r\n")
