"""The built-in command host: plays a few commands in memory, refuses the rest as Windows refuses a typing error.

It executes nothing on this machine. A line is planned whole before any of it runs, so that a line with one unknown
command in it runs nothing.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from emulator.machines.settings import MachineSettings
from emulator.machines.winrm import cmd_line, powershell
from emulator.machines.winrm.cmd_commands import PLANNERS
from emulator.machines.winrm.cmd_line import NotUnderstoodError, Simple
from emulator.machines.winrm.command_host import FinishedProcess, Output, ShellContext, StreamName
from emulator.machines.winrm.session import Action, Result, Session, open_session

MAX_NESTING = 8
"""How deep `cmd /c cmd /c …` is followed."""
ENCODING = "utf-8"
"""Of what a command writes; the code page a shell asks for is not played yet."""

_PROGRAM = re.compile(r"(?:.*\\)?([^\\]+?)(?:\.exe|\.com)?", re.IGNORECASE | re.DOTALL)


class _UnknownPowerShellError(NotUnderstoodError):
    """The part not understood is PowerShell's, which words its refusal otherwise."""

    def __init__(self, statement: str, *, encoded: bool) -> None:
        super().__init__(statement)
        self.stderr = powershell.unknown(statement, encoded=encoded)


class BuiltinHost:
    """Takes every line; the last host of a chain."""

    name = "built-in command host"

    def __init__(self, settings: MachineSettings) -> None:
        self._settings = settings

    async def start(self, context: ShellContext, line: str) -> FinishedProcess:
        """The ended command."""
        session = open_session(self._settings)
        for name, value in context.environment.items():
            session.assign(name, value)
        folder = session.drive.folder(session.drive.resolve(context.directory, session.directory))
        session.directory = folder or session.directory
        return run(session, line)


def run(session: Session, line: str) -> FinishedProcess:
    """Plan a line and run it, or refuse it."""
    try:
        commands = _plan(session, line)
    except _UnknownPowerShellError as error:
        return FinishedProcess([Output("stderr", error.stderr.encode(ENCODING))], 1)
    except NotUnderstoodError as error:
        return FinishedProcess([Output("stderr", _unrecognized(str(error)).encode(ENCODING))], 1)
    outputs, code = _perform(session, commands)
    return FinishedProcess(outputs, code)


Planned = Sequence[tuple[Simple, Action]]


def _plan(session: Session, line: str, depth: int = 0) -> Planned:
    if depth > MAX_NESTING:
        raise NotUnderstoodError("cmd")
    expanded = cmd_line.expand(line, session.environment)
    return [(simple, _action(session, simple, depth)) for simple in cmd_line.parse(expanded)]


def _action(session: Session, simple: Simple, depth: int) -> Action:
    match = _PROGRAM.fullmatch(simple.name)
    name = match[1].casefold() if match else ""
    if name == "cmd":
        return _nested(session, simple.arguments, depth)
    if name == "powershell":
        return _powershell(simple.arguments)
    planner = PLANNERS.get(name)
    if planner is None:
        raise NotUnderstoodError(simple.name)
    return planner(simple.arguments)


def _nested(session: Session, arguments: str, depth: int) -> Action:
    match = re.match(r"\s*(?:/[dsq]\s+)*/c\s*(.*)", arguments, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise NotUnderstoodError(f"cmd{arguments}")
    line = match[1].strip()
    commands = _plan(session, line[1:-1] if re.fullmatch(r'".*"', line, re.DOTALL) else line, depth + 1)

    def perform(outer: Session) -> Result:
        outputs, code = _perform(replace(outer, environment=dict(outer.environment)), commands)
        text: dict[StreamName, str] = {"stdout": "", "stderr": ""}
        for output in outputs:
            text[output.stream] += output.data.decode(ENCODING)
        return Result(text["stdout"], text["stderr"], code)

    return perform


def _powershell(arguments: str) -> Action:
    try:
        return powershell.plan(arguments)
    except NotUnderstoodError as error:
        encoded = bool(re.search(r"[-/]e(c|n|nc\w*)?\s", arguments, re.IGNORECASE))
        raise _UnknownPowerShellError(str(error), encoded=encoded) from None


def _perform(session: Session, commands: Planned) -> tuple[list[Output], int]:
    outputs: list[Output] = []
    code = 0
    for simple, action in commands:
        if (simple.join == "&&" and code != 0) or (simple.join == "||" and code == 0):
            continue
        result = action(session)
        outputs += _routed(simple, result)
        code = result.exit_code
        if result.ends:
            break
    return outputs, code


def _routed(simple: Simple, result: Result) -> list[Output]:
    written: tuple[tuple[StreamName, str], ...] = (("stdout", result.stdout), ("stderr", result.stderr))
    routed: list[Output] = []
    for stream, text in written:
        target = simple.targets[stream]
        if target != "nul" and text:
            routed.append(Output(target, text.encode(ENCODING)))
    return routed


def _unrecognized(name: str) -> str:
    return f"'{name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
