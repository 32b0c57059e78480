"""Play cmd.exe: plan a line or a batch file whole, then run it, or refuse it."""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from emulator.machines.winguest import cmd_line
from emulator.machines.winguest.cmd_line import File, Simple
from emulator.machines.winguest.console import Console
from emulator.machines.winguest.drive import DriveError
from emulator.machines.winguest.engine import Session
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.files import decoded

MAX_NESTING = 8
"""How deep `cmd /c cmd /c …` is followed."""
_PROGRAM = re.compile(r"(?:.*[\\/])?([^\\/]+?)(?:\.exe|\.com)?", re.IGNORECASE | re.DOTALL)


class EndOfLine(BaseException):  # no error
    """`exit`: what follows does not run."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class Shell:
    """One cmd.exe: its variables and folder, its console, and how deep it is in others."""

    session: Session
    console: Console
    depth: int = 0

    def print(self, text: str, stream: str = "stdout") -> None:
        """Write a text."""
        self.console.write(stream, text.encode(self.console.encoding, "replace"))

    @property
    def inner(self) -> "Shell":
        """A cmd.exe within this one, with variables of its own."""
        session = replace(self.session, environment=dict(self.session.environment))
        return Shell(session, self.console, self.depth + 1)


Action = Callable[[Shell], Awaitable[int]]
"""A command that was understood and has not run; its exit code."""
Planned = list[tuple[Simple, Action]]


async def run_line(session: Session, console: Console, line: str, *, is_program: bool = False) -> int:
    """Run a line as `cmd /c` does, or refuse it; its exit code.

    Where the line is a program that PowerShell starts by itself, no cmd.exe stands between.
    """
    shell = Shell(replace(session, environment=dict(session.environment)), console)
    try:
        planned = plan(shell, line)
    except NotUnderstoodError as error:
        shell.print(unrecognized(str(error)), "stderr")
        return 1
    processes = session.computer.processes
    with contextlib.nullcontext(session.pid) if is_program else processes.running("cmd.exe", session.pid) as pid:
        shell.session.pid = pid
        try:
            return await perform(shell, planned)
        except EndOfLine as end:
            return end.code
        except NotUnderstoodError as error:
            shell.print(unrecognized(str(error)), "stderr")
            return 1


def plan(shell: Shell, line: str) -> Planned:
    """The commands in a line.

    Raises:
        NotUnderstoodError: one of them is not played.
    """
    if shell.depth > MAX_NESTING:
        raise NotUnderstoodError("cmd")
    expanded = cmd_line.expand(line, shell.session.environment)
    return [(simple, _action(shell, simple)) for simple in cmd_line.parse(expanded)]


def _action(shell: Shell, simple: Simple) -> Action:
    from emulator.machines.winguest import cmd_programs

    path = shell.session.computer.drive.resolve(simple.name, shell.session.directory)
    if re.search(r"\.(bat|cmd)$", simple.name, re.IGNORECASE):
        return plan_batch(shell, path, simple)
    match = _PROGRAM.fullmatch(simple.name)
    planner = cmd_programs.PROGRAMS.get(match[1].casefold() if match else "")
    if planner is None:
        raise NotUnderstoodError(simple.name)
    return planner(shell, simple.arguments)


def plan_batch(shell: Shell, path: str, simple: Simple) -> Action:
    """A batch file: every line is planned before the first one runs."""
    found = shell.session.computer.drive.find(path)
    if found is None or not found.is_file():
        raise NotUnderstoodError(simple.name)
    lines = _lines(decoded(found.read_bytes()), path, simple.arguments)
    inner = shell.inner
    for line in lines:
        plan(inner, line)

    async def run(outer: Shell) -> int:
        code = 0
        for line in lines:
            # Planned anew: the lines before may have set what it expands.
            code = await perform(outer, plan(Shell(outer.session, outer.console, outer.depth + 1), line))
        return code

    return run


def _lines(text: str, path: str, arguments: str) -> list[str]:
    words = [path, *re.findall(r'"[^"]*"|\S+', arguments)]
    found: list[str] = []
    for line in text.splitlines():
        stripped = line.strip().removeprefix("@").strip()
        if not stripped or re.match(r"(rem\b|::)|echo\s+(on|off)$", stripped, re.IGNORECASE):
            continue
        if re.match(r":|goto\b", stripped, re.IGNORECASE):
            raise NotUnderstoodError(stripped)
        numbered = re.sub(r"%(\d)", lambda m: words[int(m[1])] if int(m[1]) < len(words) else "", stripped)
        found.append(numbered.replace("%~dp0", path.rpartition("\\")[0] + "\\").replace("%%", "%"))
    return found


async def perform(shell: Shell, planned: Planned) -> int:
    """Run what was planned, as its joins say."""
    code = 0
    for simple, action in planned:
        if (simple.join == "&&" and code != 0) or (simple.join == "||" and code == 0):
            continue
        routed = Shell(shell.session, _Routed(shell, simple), shell.depth)
        try:
            code = await action(routed)
        except DriveError as error:
            shell.print(f"{error}\r\n", "stderr")
            code = 1
        shell.session.assign("ERRORLEVEL", str(code))
        await shell.console.drained()
    return code


class _Routed:
    """A console whose streams go where a command's redirections say."""

    def __init__(self, shell: Shell, simple: Simple) -> None:
        self._console = shell.console
        self._targets = dict(simple.targets)
        self._drive = shell.session.computer.drive
        self._directory = shell.session.directory
        self.encoding = shell.console.encoding
        for target in self._targets.values():
            if isinstance(target, File) and not target.is_appended:
                self._drive.write(self._path(target), b"")

    def _path(self, target: File) -> str:
        return self._drive.resolve(target.path, self._directory)

    def write(self, stream: str, data: bytes) -> None:
        """Hand it on, or into a file."""
        target = self._targets["stderr" if stream == "stderr" else "stdout"]
        if isinstance(target, File):
            self._drive.write(self._path(target), data, is_appended=True)
        elif target != "nul":
            self._console.write(target, data)

    async def drained(self) -> None:
        """As the console behind it."""
        await self._console.drained()

    def standard_input(self) -> AsyncIterator[bytes]:
        """As the console behind it."""
        return self._console.standard_input()


def unrecognized(name: str) -> str:
    """What cmd.exe says to a command that it does not know."""
    return f"'{name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
