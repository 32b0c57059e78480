"""Programs that a PowerShell script starts: their command lines are planned whole before the script runs."""

import itertools
import ntpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.text import lines_of
from emulator.machines.winguest.tree import Argument, Command, Expandable, Expression, Literal, Variable
from emulator.machines.winguest.values import Value, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.check import Checker
    from emulator.machines.winguest.cmd_shell import Planned
    from emulator.machines.winguest.engine import Emit, Engine

FOLDERS = (
    r"c:\windows\system32",
    r"c:\windows",
    r"c:\windows\sysnative",
    r"c:\windows\system32\windowspowershell\v1.0",
)
"""Where the programs that are played are."""
MAX_LINES = 16
_SCRIPTS = re.compile(r"-f(?:ile)?\s+\"?([^\s\"]+\.ps1)|([^\s\"&|<>()]+\.(?:bat|cmd))\b", re.IGNORECASE)


OWN = {"sysprep": r"c:\windows\system32\sysprep"}
"""Programs that are in a folder of their own, which is not searched."""


def program_name(name: str) -> str:
    """A program's name without folder and ending, in lower case; nothing where its folder has no such program."""
    folder, base = ntpath.split(re.sub(r"[\\/]+", r"\\", name).casefold())
    bare, places = re.sub(r"\.(exe|com)$", "", base), ("", *FOLDERS)
    return bare if folder.rstrip("\\") in ((OWN[bare],) if bare in OWN else places) else ""


def is_program(name: str) -> bool:
    """Whether a program of that name is played; what cmd.exe has within itself is none."""
    from emulator.machines.winguest import cmd_programs

    return program_name(name) in cmd_programs.EXTERNAL


def check(checker: "Checker", command: Command, name: str) -> None:
    """Plan every line that the command may be.

    Raises:
        NotUnderstoodError: one of them is not played.
    """
    from emulator.machines.winguest import check_commands

    drive, folder = checker.engine.session.computer.drive, checker.engine.session.directory
    for line in _lines(checker, command, name):
        for path in filter(None, itertools.chain.from_iterable(_SCRIPTS.findall(line))):
            check_commands.must_not_be_written(checker, drive.resolve(path, folder))
        if line not in checker.vetted.lines:
            checker.vetted.lines[line] = _planned(checker, line)


def _planned(checker: "Checker", line: str) -> "Planned":
    from emulator.machines.winguest import cmd_shell

    return cmd_shell.plan_program(checker.engine.session, line, checker.knowledge.changing())


def check_certain(checker: "Checker", command: Command, name: str) -> None:
    """As `check`, where each argument must be known."""
    if checker.knowledge.product([each.value for each in command.arguments if each.value is not None]) is None:
        raise NotUnderstoodError(name)
    check(checker, command, name)


def _lines(checker: "Checker", command: Command, name: str) -> Sequence[str]:
    """The command's lines, with what each argument may be; or the one with holes for what is not known."""
    given = [each.value for each in command.arguments if each.value is not None]
    if any(isinstance(each, Variable) and each.is_splatted for each in given):
        raise NotUnderstoodError(command.line)
    found = checker.knowledge.product(given)
    if found is None:
        return [template(name, command.arguments)[0]]
    return [_line(name, command.arguments, list(values)) for values in itertools.islice(found, MAX_LINES)]


def _line(name: str, arguments: Sequence[Argument], values: list[Value]) -> str:
    """A command line as PowerShell hands it to a program."""
    words = [_quoted(name)]
    for argument in arguments:
        words += [f"-{argument.name}"] if argument.name else []
        if argument.value is not None:
            words += [_quoted(to_text(item)) for item in items(values.pop(0))]
    return " ".join(words)


def line_of(name: str, bound: Sequence[tuple[str, Value]]) -> str:
    """The command line for a name and evaluated arguments, where a client and not a script gives them."""
    from emulator.machines.winguest.commands import ABSENT

    words = [_quoted(name)]
    for option, value in bound:
        words += [f"-{option}"] if option else []
        words += [] if value is ABSENT else [_quoted(to_text(item)) for item in items(value)]
    return " ".join(words)


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text and not text.startswith('"') else text


def template(name: str, arguments: Sequence[Argument]) -> tuple[str, Sequence[Expression]]:
    """A command line with holes, and the expressions that fill them."""
    fillers: list[Expression] = []
    texts = [_with_holes(argument.value, fillers) for argument in arguments if argument.value is not None]
    return _line(name, arguments, texts), fillers


def _with_holes(value: Expression, fillers: list[Expression]) -> str:
    from emulator.machines.winguest import holes

    if isinstance(value, Literal):
        return to_text(value.value)
    if isinstance(value, Expandable):
        return "".join(part if isinstance(part, str) else _with_holes(part, fillers) for part in value.parts)
    fillers.append(value)
    return holes.argument(len(fillers) - 1)


async def run(
    engine: "Engine", command: Command, name: str, emit: "Emit", given: Sequence[Value] | None = None
) -> None:
    """Run a program by the plan that was made of its line; what comes through the pipeline is its input.

    Raises:
        NotUnderstoodError: none was.
    """
    line, fillers = template(name, command.arguments)
    if line not in engine.session.vetted.lines:
        wanted = [each.value for each in command.arguments if each.value is not None]
        line, fillers = _line(name, command.arguments, [await engine.evaluator.evaluate(each) for each in wanted]), ()
    fills = tuple([to_text(await engine.evaluator.evaluate(each)) for each in fillers])
    await run_line(engine, line, fills, emit, given)


async def run_line(
    engine: "Engine", line: str, fills: tuple[str, ...], emit: "Emit", given: Sequence[Value] | None = None
) -> None:
    """Run a program's line by the plan that was made of it.

    Raises:
        NotUnderstoodError: none was.
    """
    from emulator.machines.winguest import cmd_shell
    from emulator.machines.winguest.console import Kept

    console = Kept("".join(lines_of(given or ())).encode())
    code = await cmd_shell.run_planned(engine.session, console, engine.session.vetted.line(line), fills)
    for text in console.text("stdout").splitlines():
        emit(text)
    if console.written["stderr"]:
        engine.streams.message("stderr", console.text("stderr"))
    engine.session.scope.variables["lastexitcode"] = code
    engine.last_succeeded = code == 0
