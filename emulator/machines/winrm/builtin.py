"""The built-in command host: plays cmd.exe and PowerShell over the guest's own drive; the last of a chain.

It executes nothing on this machine. What it does not wholly understand it refuses, as Windows refuses a typing error.
"""

import asyncio

from emulator.machines.winguest import cmd_shell
from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.console import encoding_of
from emulator.machines.winguest.engine import Session
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
        session = self._session(context)

        async def body(pipes: Pipes) -> int:
            return await cmd_shell.run_line(session, pipes, line)

        return TaskProcess(self._group, body, encoding_of(context.code_page))

    def _session(self, context: ShellContext) -> Session:
        drive = self._computer.drive
        session = Session(self._computer, self._computer.environment, drive.home)
        for name, value in context.environment.items():
            session.assign(name, value)
        session.directory = drive.folder(drive.resolve(context.directory or drive.home, drive.home)) or drive.home
        return session
