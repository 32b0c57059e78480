"""The built-in command host: plays cmd.exe and PowerShell over the guest's own drive; the last of a chain.

It executes nothing on this machine. What it does not wholly understand it refuses, as Windows refuses a typing error.
"""

import asyncio

from emulator.machines.winguest import cmd_shell, powershell_exe, recognisers
from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.console import encoding_of
from emulator.machines.winguest.engine import Session
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winrm.command_host import ShellContext
from emulator.machines.winrm.running import Pipes, TaskProcess


class BuiltinHost:
    """Takes every line."""

    name = "built-in command host"

    def __init__(self, computer: Computer, group: asyncio.TaskGroup) -> None:
        self._computer = computer
        self._group = group

    async def start(self, context: ShellContext, line: str) -> TaskProcess:
        """The started command."""
        session = session_of(self._computer, context)

        async def body(pipes: Pipes) -> int:
            return await cmd_shell.run_line(session, pipes, line)

        return TaskProcess(self._group, body, encoding_of(context.code_page))


class RecognisingHost:
    """Takes a line that is one of a client's own scripts, known by its whole text."""

    name = "exact recognisers"

    def __init__(self, builtin: BuiltinHost, computer: Computer) -> None:
        self._builtin = builtin
        self._computer = computer

    async def start(self, context: ShellContext, line: str) -> TaskProcess | None:
        """The started script; None where it is none of theirs."""
        match = powershell_exe.LINE.fullmatch(line)
        if match is None:
            return None
        try:
            text = powershell_exe.options(session_of(self._computer, context), match["rest"]).text
        except NotUnderstoodError:
            return None
        return None if recognisers.find(text) is None else await self._builtin.start(context, line)


def session_of(computer: Computer, context: ShellContext) -> Session:
    """A process's session: the machine's variables, with those of the shell, in its folder."""
    drive = computer.drive
    session = Session(computer, computer.environment, drive.home)
    for name, value in context.environment.items():
        session.assign(name, value)
    session.directory = drive.folder(drive.resolve(context.directory or drive.home, drive.home)) or drive.home
    return session
