"""Commands that are files: scripts on the drive, and programs, which cmd.exe's player knows."""

import ntpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.files import decoded
from emulator.machines.winguest.values import Value, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Emit, Engine

_SCRIPT = re.compile(r"\.(ps1|bat|cmd)$", re.IGNORECASE)


def is_program(name: str) -> bool:
    """Whether cmd.exe's player knows a program of that name."""
    from emulator.machines.winguest import cmd_programs

    return program_name(name) in cmd_programs.PROGRAMS


def program_name(name: str) -> str:
    """A program's name without folder and ending, in lower case."""
    return re.sub(r"\.(exe|com)$", "", ntpath.basename(name.replace("/", "\\")).casefold())


def path_of(engine: "Engine", name: str) -> str | None:
    """The path of a script on the drive that a command's name means; None where it is none."""
    if not _SCRIPT.search(name):
        return None
    path = engine.session.computer.drive.resolve(name, engine.session.directory)
    found = engine.session.computer.drive.find(path)
    return path if found is not None and found.is_file() else None


async def run(
    engine: "Engine",
    name: str,
    bound: Sequence[tuple[str, Value]],
    given: list[Value] | None,
    emit: "Emit",
    *,
    is_new: bool = True,
) -> None:
    """Run a script on the drive or a program.

    Raises:
        NotUnderstoodError: there is none of that name, or the script is not wholly understood.
    """
    from emulator.machines.winguest import check, parser

    path = path_of(engine, name)
    if path is not None and path.casefold().endswith(".ps1"):
        block = parser.parse(decoded(engine.session.computer.drive.read(path)))
        check.check(block, engine)
        await _run_script(engine, block, bound, given, emit, is_new=is_new)
        return
    if path is None and not is_program(name):
        raise NotUnderstoodError(name)
    words = [f'"{name}"' if " " in name else name, *_words(bound)]
    await _run_line(engine, " ".join(words), emit)


async def _run_script(
    engine: "Engine",
    block: "object",
    bound: Sequence[tuple[str, Value]],
    given: list[Value] | None,
    emit: "Emit",
    *,
    is_new: bool,
) -> None:
    from emulator.machines.winguest import commands
    from emulator.machines.winguest.engine import ExitSignal
    from emulator.machines.winguest.tree import Block

    if not isinstance(block, Block):
        raise TypeError("a script is a block")
    try:
        await commands.call_block(engine, block, bound, given, emit, is_new=is_new)
    except ExitSignal as signal:
        # `exit` in a script file ends that file, and is what it returned.
        engine.session.scope.variables["lastexitcode"] = signal.code
        engine.last_succeeded = signal.code == 0


def _words(bound: Sequence[tuple[str, Value]]) -> list[str]:
    """Arguments as a program's command line has them."""
    from emulator.machines.winguest.commands import ABSENT

    words: list[str] = []
    for name, value in bound:
        words += [f"-{name}"] if name else []
        words += [] if value is ABSENT else [_quoted(to_text(item)) for item in items(value)]
    return words


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text and not text.startswith('"') else text


async def _run_line(engine: "Engine", line: str, emit: "Emit") -> None:
    from emulator.machines.winguest import cmd_shell
    from emulator.machines.winguest.console import Kept

    console = Kept()
    code = await cmd_shell.run_line(engine.session, console, line, is_program=True)
    for text in console.text("stdout").splitlines():
        emit(text)
    if console.written["stderr"]:
        engine.streams.message("stderr", console.text("stderr"))
    engine.session.scope.variables["lastexitcode"] = code
    engine.last_succeeded = code == 0
