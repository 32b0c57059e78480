"""Answer WS-Management requests: shells and the commands in them, by whatever command host takes a line."""

import asyncio
import uuid
from collections.abc import Callable, Sequence

from emulator.machines.winrm.command_host import Chunk, CommandHost, ShellContext
from emulator.machines.winrm.session import WINDOWS_VERSION
from emulator.machines.winrm.shells import Quotas, Running, Shell, Shells, new_id
from emulator.wire.wsman import faults, names, replies
from emulator.wire.wsman.faults import WsmanFaultError
from emulator.wire.wsman.replies import Ids, Stream
from emulator.wire.wsman.requests import (
    Command,
    Create,
    Delete,
    Identify,
    Receive,
    Request,
    Send,
    Signal,
    Unsupported,
)

MAX_ENVELOPE_BYTES = 500 * 1024
"""MaxEnvelopeSizekb, which bounds requests and replies."""

Answered = Callable[[str, int], None]
"""Told of each command that ended: the host that ran it, and its exit code."""


class WsmanService:
    """One machine's WS-Management; `hosts` are asked in order, and the last must take every line."""

    def __init__(
        self, machine: str, hosts: Sequence[CommandHost], answered: Answered, *, quotas: Quotas | None = None
    ) -> None:
        self.machine = machine
        self.shells = Shells(quotas or Quotas())
        self._hosts = hosts
        self._answered = answered

    async def answer(self, user: str, request: Request) -> bytes:
        """The reply's envelope.

        Raises:
            WsmanFaultError: the request is refused.
        """
        ids = Ids(f"uuid:{str(uuid.uuid4()).upper()}", request.message_id)
        operation = request.operation
        match operation:
            case Identify():
                return replies.identity(version=WINDOWS_VERSION)
            case Unsupported():
                raise faults.unsupported_action(request.action)
            case Create():
                return await self._create(ids, user, request, operation)
        shell = self.shells.find(request.shell_id, user)
        with shell.used():
            return await self._in_shell(ids, shell, request, operation)

    def fault(self, relates_to: str, why: WsmanFaultError) -> bytes:
        """The envelope of a refusal."""
        return replies.fault(Ids(f"uuid:{str(uuid.uuid4()).upper()}", relates_to), why, self.machine)

    async def _in_shell(
        self, ids: Ids, shell: Shell, request: Request, operation: Command | Send | Receive | Signal | Delete
    ) -> bytes:
        match operation:
            case Command():
                return await self._command(ids, shell, request, operation)
            case Receive():
                return await self._receive(ids, shell, request, operation)
            case Send():
                return _send(ids, shell, operation)
            case Signal():
                return _signal(ids, shell, operation)
            case Delete():
                await self.shells.close(shell)
                return replies.deleted(ids)

    async def _create(self, ids: Ids, user: str, request: Request, operation: Create) -> bytes:
        if request.resource != names.CMD_RESOURCE:
            raise faults.unknown_resource(request.resource)
        context = ShellContext(dict(operation.environment), operation.working_directory)
        shell = await self.shells.open(operation.shell_id, user, context, idle_timeout=operation.idle_timeout)
        return replies.created(ids, shell.shell_id, user)

    async def _command(self, ids: Ids, shell: Shell, request: Request, operation: Command) -> bytes:
        if request.options.get("WINRS_SKIP_CMD_SHELL", "").upper() in ("TRUE", "1"):
            # No program file exists here; what is known, cmd.exe would have found.
            raise faults.file_not_found()
        line = " ".join((operation.line, *operation.arguments))
        running = await self._start(shell.context, line)
        command_id = new_id(operation.command_id, shell.commands)
        shell.commands[command_id] = running
        return replies.started(ids, command_id)

    async def _start(self, context: ShellContext, line: str) -> Running:
        for host in self._hosts:
            process = await host.start(context, line)
            if process is not None:
                return Running(host.name, process)
        raise AssertionError("the last command host takes every line")

    async def _receive(self, ids: Ids, shell: Shell, request: Request, operation: Receive) -> bytes:
        if not operation.command_id:
            raise faults.missing_command_id()
        command = shell.command(operation.command_id)
        try:
            async with asyncio.timeout(request.operation_timeout), command.turn:
                return await self._output(ids, command, request, operation.command_id)
        except TimeoutError:
            raise faults.timed_out() from None

    async def _output(self, ids: Ids, command: Running, request: Request, command_id: str) -> bytes:
        known = command.recall(request.message_id)
        if known is not None:
            return known
        limit = replies.stream_bytes(min(request.max_envelope_bytes, MAX_ENVELOPE_BYTES))
        chunk = await command.process.read(limit)
        if command.is_closed:
            raise faults.aborted()
        self._note_end(command, chunk)
        streams = [Stream(output.stream, output.data) for output in chunk.outputs]
        return command.remember(request.message_id, replies.received(ids, command_id, streams, chunk.exit_code))

    def _note_end(self, command: Running, chunk: Chunk) -> None:
        if chunk.exit_code is not None and command.exit_code is None:
            command.exit_code = chunk.exit_code
            self._answered(command.host, chunk.exit_code)


def _send(ids: Ids, shell: Shell, operation: Send) -> bytes:
    commands = [shell.command(given.command_id) for given in operation.inputs]
    for command, given in zip(commands, operation.inputs, strict=True):
        command.process.write(given.data, end=given.end)
    return replies.sent(ids)


def _signal(ids: Ids, shell: Shell, operation: Signal) -> bytes:
    """Deliver a signal; one for a command that is gone is answered as well (an assumption)."""
    command = shell.commands.get(operation.command_id.upper())
    if command is not None and operation.code == "terminate":
        del shell.commands[operation.command_id.upper()]
        command.close()
    elif command is not None:
        command.process.interrupt()
    return replies.signalled(ids)
