"""Commands that are files: scripts on the drive."""

import ntpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.machines.winguest.drive import IN_USE, decoded
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.tree import Block
from emulator.machines.winguest.values import Value

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Emit, Engine

_SCRIPT = re.compile(r"\.(ps1|bat|cmd)$", re.IGNORECASE)


def is_script(name: str) -> bool:
    """Whether a command's name is a script's."""
    return _SCRIPT.search(name) is not None


def path_in(engine: "Engine", name: str, folder: str) -> str | None:
    """The path of a script on the drive that a command's name means in a folder; None where it is none.

    PowerShell finds no script in the current folder by its name alone.
    """
    if not is_script(name) or not ntpath.dirname(name.replace("/", "\\")):
        return None
    drive = engine.session.computer.drive
    path = drive.resolve(name, folder)
    found = drive.find(path)
    return drive.path_of(found) if found is not None and found.is_file() else None


def path_of(engine: "Engine", name: str) -> str | None:
    """The path of a script that a command's name means just now; None where it is none."""
    return path_in(engine, name, engine.session.directory)


def text_of(engine: "Engine", path: str) -> str:
    """A script's text."""
    return decoded(engine.session.computer.drive.read(path))


async def run(
    engine: "Engine",
    path: str,
    bound: Sequence[tuple[str, Value]],
    given: list[Value] | None,
    emit: "Emit",
    *,
    is_new: bool = True,
) -> None:
    """Run a PowerShell script on the drive.

    Raises:
        PowerShellError: it is not what was checked before this run.
        NotUnderstoodError: nothing was.
    """
    from emulator.machines.winguest import commands
    from emulator.machines.winguest.engine import ExitSignal

    try:
        await commands.call_block(engine, _vetted(engine, path), bound, given, emit, is_new=is_new)
    except ExitSignal as signal:
        # `exit` in a script file ends that file, and is what it returned.
        engine.session.scope.variables["lastexitcode"] = signal.code
        engine.last_succeeded = signal.code == 0


def _vetted(engine: "Engine", path: str) -> Block:
    text, block = engine.session.vetted.files.get(path.casefold(), ("", None))
    if block is None:
        raise NotUnderstoodError(path)
    if text != text_of(engine, path):
        raise PowerShellError(IN_USE, "FileOpenFailure", "OpenError", path)
    return block
