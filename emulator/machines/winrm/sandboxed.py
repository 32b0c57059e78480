"""Command hosts that run real programs, pwsh and wine's cmd, and only within a sandbox of namespaces.

Each has drive C: mirrored into its sandbox while a command runs. What a program cannot do as Windows does it (a
restart, services, the registry) is left to the next host.
"""

import asyncio
import base64
import contextlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from emulator.errors import UnavailableError
from emulator.machines.guest import Command, Ending, Guest, Process
from emulator.machines.winguest import cmd_line, powershell_exe
from emulator.machines.winguest.cmd_tree import Simple
from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.console import encoding_of
from emulator.machines.winguest.constants import nodes
from emulator.machines.winguest.engine import Session
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winrm.builtin import session_of
from emulator.machines.winrm.command_host import ShellContext
from emulator.machines.winrm.running import Pipes, TaskProcess
from emulator.machines.winrm.shared_drive import SharedDrive

WINDOWS_ONLY = re.compile(
    r"\b(?:(?:restart-computer|stop-computer|(?:get|set|new|start|stop|restart)-service"
    r"|(?:install|uninstall|get|enable|disable)-windows\w+|get-(?:ciminstance|wmiobject)|schedule\.service"
    r"|shutdown|cmd(?:\.exe)?\s+/c)\b|hk(?:lm|cu|cr|u):|registry::)",
    re.IGNORECASE,
)
"""What PowerShell on Linux does not have, or what is state that only this machine keeps."""
WINES = (
    "cd", "chdir", "copy", "del", "dir", "echo", "erase", "exit", "md", "mkdir", "move", "popd", "pushd", "rd", "rem",
    "ren", "rename", "rmdir", "set", "title", "type", "call", "goto", "setlocal", "endlocal", "cls",
)  # fmt: skip
"""What cmd.exe has within itself and wine plays. Its programs it lacks, or has as stubs that do nothing and succeed:
powershell.exe above all, which is never given to it."""
MAX_LINE_BYTES = 96 << 10
"""A program's argument is at most 128 KiB on Linux."""
LAST_WORDS = 1.0
"""Real seconds for a program's output to arrive after its end."""
CRLF = "\r\n"
WINE_DRIVE = "~/.wine/drive_c"
_BATCH = "aib-line.bat"
_QUIET = {"WINEDEBUG": "-all", "FONTCONFIG_FILE": "/tmp/fonts.conf"}  # noqa: S108  # the guest's own
_WINES = (
    "path",
    "pathext",
    "comspec",
    "systemroot",
    "windir",
    "systemdrive",
    "temp",
    "tmp",
    "psmodulepath",
    "prompt",
)
"""Variables that wine sets for its own folders."""
_NO_FONTS = "<?xml version='1.0'?><fontconfig></fontconfig>"


def quoted(text: str) -> str:
    """A text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


@dataclass(slots=True)
class Runner:
    """Runs a shell line in a sandbox, as a process of WinRM's."""

    computer: Computer
    group: asyncio.TaskGroup
    guest: Guest
    shared: SharedDrive

    def start(self, context: ShellContext, line: str, environment: Mapping[str, str]) -> TaskProcess:
        """The started command."""

        async def body(pipes: Pipes) -> int:
            try:
                async with self.shared.mirrored():
                    return await self._run(Command(line=line, environment=environment), pipes)
            except UnavailableError as error:
                pipes.write("stderr", f"{error}\r\n".encode(pipes.encoding, "replace"))
                return 1

        return TaskProcess(self.group, body, encoding_of(context.code_page))

    async def _run(self, command: Command, pipes: Pipes) -> int:
        process = await self.guest.start(command)
        feeding = self.group.create_task(_feed(process, pipes))
        copying = [self.group.create_task(_copy(process, stream, pipes)) for stream in ("stdout", "stderr")]
        try:
            ending = await process.wait()
            # Something that it left behind may hold its output open, and has nothing to say any more.
            await asyncio.wait(copying, timeout=LAST_WORDS)
        finally:
            for task in (feeding, *copying):
                task.cancel()
            await process.close()
        return 1 if ending.signal else ending.exit_code


async def _copy(process: Process, stream: str, pipes: Pipes) -> None:
    while data := await process.read("stderr" if stream == "stderr" else "stdout"):
        pipes.write(stream, data)
        await pipes.drained()


async def _feed(process: Process, pipes: Pipes) -> None:
    async for data in pipes.standard_input():
        await process.write(data)
    await process.end_input()


@dataclass(slots=True)
class PwshHost:
    """Takes `powershell …` where a real PowerShell can do all of it."""

    program: str
    runner: Runner
    name: str = "pwsh in a sandbox"

    async def start(self, context: ShellContext, line: str) -> TaskProcess | None:
        """The started script; None where it is none, or is one for Windows alone."""
        match = powershell_exe.LINE.fullmatch(line)
        session = session_of(self.runner.computer, context)
        script = None if match is None else _script(session, match["rest"])
        if script is None or WINDOWS_ONLY.search(script[0]):
            return None
        before = (
            "$ProgressPreference = 'SilentlyContinue'; $null = New-PSDrive C FileSystem /c -Scope Global; "
            f"Set-Location '{session.directory}'\n"
        )
        encoded = base64.b64encode((before + script[1]).encode("utf-16-le")).decode()
        if len(encoded) > MAX_LINE_BYTES:
            return None
        words = [self.program, "-NoLogo", "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded]
        return self.runner.start(context, "exec " + " ".join(map(quoted, words)), session.environment)


def _script(session: Session, arguments: str) -> tuple[str, str] | None:
    """What a script says in all, and the text that runs it; None where it comes on standard input, or is none."""
    try:
        options = powershell_exe.options(session, arguments)
    except NotUnderstoodError:
        return None
    if options.script is None:
        return None
    if not options.path:
        return options.text, options.text
    words = " ".join("'" + word.replace("'", "''") + "'" for word in (options.path, *options.arguments))
    return options.text, f"& {words}; exit $LASTEXITCODE"


@dataclass(slots=True)
class WineHost:
    """Takes lines of cmd.exe that wine plays as Windows does."""

    runner: Runner
    name: str = "wine's cmd in a sandbox"

    async def start(self, context: ShellContext, line: str) -> TaskProcess | None:
        """The started line; None where something in it is none of wine's."""
        session = session_of(self.runner.computer, context)
        command = wine_command(f"cd /d {session.directory}&{line}")
        if command is None or not all(map(_is_wines, _texts(session, line))):
            return None
        kept = {name: value for name, value in session.environment.items() if name.casefold() not in _WINES}
        return self.runner.start(context, f"cd {WINE_DRIVE} && {command}", {**kept, **_QUIET})


def wine_command(line: str) -> str | None:
    """A shell's line that has wine's cmd run another; None where that is not possible.

    wine joins a program's arguments with spaces, and puts those with quotes in them into others. Such a line is a
    batch file, which is not the same for `%` and for sums.
    """
    if len(line) > MAX_LINE_BYTES or any(char in line for char in "\r\n\0"):
        return None
    if '"' not in line and "  " not in line and line == line.strip():
        return "exec wine cmd /c " + " ".join(map(quoted, line.split(" ")))
    if re.search(r"%|\bset\s*/a|\bgoto\b|\bcall\b", line, re.IGNORECASE):
        return None
    return f"printf %s {quoted(f'@echo off{CRLF}{line}{CRLF}')} >{_BATCH} && exec wine cmd /c {quoted(_BATCH)}"


def _is_wines(text: str) -> bool:
    """Whether every command in a line or a batch file is one that wine plays, or a batch file."""
    try:
        found = [node for node in nodes(cmd_line.parse(text.replace("%%", "%"))) if isinstance(node, Simple)]
    except NotUnderstoodError:
        return False
    return all(
        each.name.casefold() in WINES or re.search(r"\.(bat|cmd)$", each.name, re.IGNORECASE) for each in found
    )


def _texts(session: Session, line: str) -> Sequence[str]:
    """A line, and the batch files that it and they name; what cannot be read is none of wine's."""
    drive, found, texts = session.computer.drive, set[str](), [line]
    for text in texts:
        for name in re.findall(r"[^\s\"&|<>()]+\.(?:bat|cmd)\b", text, re.IGNORECASE):
            path = drive.resolve(name, session.directory)
            if path.casefold() not in found:
                found.add(path.casefold())
                texts.append(drive.text(path) or "(")
    return texts


@contextlib.asynccontextmanager
async def wine(guest: Guest, temporary: str) -> AsyncIterator[None]:
    """Wine's folders and its server, which runs until the body ends; `temporary` is %TEMP%.

    Raises:
        UnavailableError: wine does not start.
    """
    steps = (
        f"printf %s {quoted(_NO_FONTS)} >/tmp/fonts.conf && wineboot -i && rm -f ~/.wine/dosdevices/z:",
        *(f"wine reg add 'HKCU\\Environment' /v {name} /d {quoted(temporary)} /f" for name in ("TEMP", "TMP")),
        "wineserver -w",
    )
    for step in steps:
        process = await guest.start(Command(line=f"({step}) >/dev/null 2>&1", environment=_QUIET))
        try:
            ending = await process.wait()
        finally:
            await process.close()
        if ending != Ending(0):
            raise UnavailableError(f"wine does not start: {step.split(' ', 1)[0]} failed")
    # wine's server and services outlive the command that starts them; so they are started by one that stays.
    line = "(wineserver -f -p & wine cmd /c rem; echo) >/dev/null 2>&1; echo ready; exec sleep infinity"
    server = await guest.start(Command(line=line, environment=_QUIET))
    try:
        if await server.read("stdout") != b"ready\n":
            raise UnavailableError("wine does not start: its server failed")
        yield
    finally:
        await server.close()
