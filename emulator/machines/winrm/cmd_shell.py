"""A shell of cmd.exe: each command line goes to the first host that takes it."""

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.machines.winrm.command_host import CommandHost, Process, ShellContext, Started
from emulator.wire.wsman import faults
from emulator.wire.wsman.operations import Command, Create, Request


@dataclass(frozen=True, slots=True)
class CmdShell:
    """An open shell; `hosts` are asked in order, and the last must take every line."""

    context: ShellContext
    hosts: Sequence[CommandHost]

    @property
    def stream(self) -> Process | None:
        """None: everything belongs to a command."""
        return None

    async def start(self, command_id: str, request: Request, command: Command) -> Started:  # noqa: ARG002
        """Start a command line.

        Raises:
            WsmanFaultError: it is to run without cmd.exe, and there is no program file of that name.
        """
        if request.options.get("WINRS_SKIP_CMD_SHELL", "").upper() in ("TRUE", "1"):
            # No program file exists here; what is known, cmd.exe would have found.
            raise faults.file_not_found()
        line = " ".join((command.line, *command.arguments))
        for host in self.hosts:
            process = await host.start(self.context, line)
            if process is not None:
                return Started(host.name, process)
        raise AssertionError("the last command host takes every line")

    def connect(self, command_id: str, connection: bytes) -> bytes:  # noqa: ARG002
        """Nothing has to be told."""
        return b""

    def close(self) -> None:
        """Nothing is held besides the commands."""


@dataclass(frozen=True, slots=True)
class CmdShells:
    """Opens them."""

    hosts: Sequence[CommandHost]

    async def open(self, request: Request, create: Create) -> CmdShell:
        """A shell with the client's variables and folder, in its code page."""
        page = request.options.get("WINRS_CODEPAGE", "")
        context = ShellContext(dict(create.environment), create.working_directory, page or "437")
        return CmdShell(context, self.hosts)
