"""Answer WS-Management requests: shells and the commands in them."""

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from emulator.machines.settings import WinrmSettings
from emulator.machines.winguest.computer import WINDOWS_VERSION
from emulator.machines.winrm.command_host import Chunk, Host
from emulator.machines.winrm.replay import Replay
from emulator.machines.winrm.shells import Running, Shell, Shells, new_id
from emulator.wire.wsman import descriptions, faults, names, replies
from emulator.wire.wsman.descriptions import Configuration
from emulator.wire.wsman.faults import WsmanFaultError
from emulator.wire.wsman.operations import (
    Command,
    Connect,
    Create,
    Delete,
    Disconnect,
    Enumerate,
    Get,
    Identify,
    InShell,
    Receive,
    Reconnect,
    Request,
    Send,
    Signal,
    Unsupported,
)
from emulator.wire.wsman.replies import Ids, Progress, Stream

Answered = Callable[[str, int], None]
"""Told of each command that ended: the host that ran it, and its exit code."""


class WsmanService:
    """One machine's WS-Management; `hosts` open shells, by resource URI."""

    def __init__(self, machine: str, hosts: Mapping[str, Host], answered: Answered, settings: WinrmSettings) -> None:
        self.machine = machine
        self.settings = settings
        self.shells = Shells(settings)
        self._hosts = hosts
        self._answered = answered
        self._replay = Replay()
        self._operations: Counter[str] = Counter()

    async def answer(self, user: str, request: Request) -> bytes:
        """The reply's envelope.

        Raises:
            WsmanFaultError: the request is refused.
        """
        ids = Ids(_uuid(), request.message_id)
        with self._operation(user):
            match request.operation:
                case Identify():
                    return replies.identity(version=WINDOWS_VERSION)
                case Unsupported():
                    raise faults.unsupported_action(request.action)
                case Receive():
                    # Kept with its command, since there can be much of it.
                    return await self._perform(ids, user, request)
                case _:
                    return await self._replay.once(user, request, lambda: self._perform(ids, user, request))

    def fault(self, relates_to: str, why: WsmanFaultError) -> bytes:
        """The envelope of a refusal."""
        return replies.fault(Ids(_uuid(), relates_to), why, self.machine)

    @contextmanager
    def _operation(self, user: str) -> Iterator[None]:
        limit = self.settings.operations_per_user
        if self._operations[user] >= limit:
            raise faults.too_many_operations(limit)
        self._operations[user] += 1
        try:
            yield
        finally:
            self._operations[user] -= 1

    async def _perform(self, ids: Ids, user: str, request: Request) -> bytes:
        operation = request.operation
        match operation:
            case Create():
                return await self._create(ids, user, request, operation)
            case Get():
                return replies.got(ids, self._described(user, request))
            case Enumerate():
                return replies.enumerated(ids, self._listed(user, request, operation))
            case Identify() | Unsupported():
                raise AssertionError("answered before")
            case _:
                shell = self.shells.find(request.shell_id, user)
                with shell.used():
                    return await self._in_shell(ids, shell, request, operation)

    async def _in_shell(self, ids: Ids, shell: Shell, request: Request, operation: InShell) -> bytes:
        match operation:
            case Delete():
                await self.shells.close(shell)
                return replies.deleted(ids)
            case Disconnect() | Reconnect() | Connect():
                return self._change_hands(ids, shell, operation)
            case _:
                if not shell.is_connected:
                    raise faults.disconnected()
                return await self._with_commands(ids, shell, request, operation)

    def _change_hands(self, ids: Ids, shell: Shell, operation: Disconnect | Reconnect | Connect) -> bytes:
        match operation:
            case Disconnect():
                shell.idle_timeout = self.shells.idle_timeout(operation.idle_timeout)
                shell.leave()
                return replies.disconnected(ids)
            case Reconnect():
                shell.come_back()
                return replies.reconnected(ids)
            case Connect():
                return _connect(ids, shell, operation)

    async def _with_commands(
        self, ids: Ids, shell: Shell, request: Request, operation: Command | Receive | Send | Signal
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

    async def _create(self, ids: Ids, user: str, request: Request, operation: Create) -> bytes:
        host = self._hosts.get(request.resource)
        if host is None:
            raise faults.unknown_resource(request.resource)
        await self.shells.room(user)
        backend = await host.open(request, operation)
        shell = self.shells.add(user, request.resource, operation, backend)
        return replies.created(ids, shell.description)

    def _described(self, user: str, request: Request) -> str:
        if request.shell_id:
            return descriptions.shell(self.shells.find(request.shell_id, user).description)
        if request.resource.rstrip("/") != names.CONFIG:
            raise faults.unknown_resource(request.resource)
        return descriptions.configuration(_configuration(self.settings))

    def _listed(self, user: str, request: Request, operation: Enumerate) -> Iterator[str]:
        if request.resource == names.COMMAND_RESOURCE:
            shell = self.shells.find(operation.shell_id, user)
            for command_id, running in shell.commands.items():
                yield descriptions.command(command_id, running.line, is_running=not running.has_ended)
        elif request.resource == names.SHELL:
            for shell in self.shells.of(user):
                yield descriptions.shell(shell.description)
        else:
            raise faults.unknown_resource(request.resource)

    async def _command(self, ids: Ids, shell: Shell, request: Request, operation: Command) -> bytes:
        limit = self.settings.processes_per_shell
        if sum(not running.has_ended for running in shell.commands.values()) >= limit:
            raise faults.too_many_commands(limit)
        command_id = new_id(operation.command_id, shell.commands)
        started = await shell.backend.start(command_id, request, operation)
        shell.commands[command_id] = Running(started.host, started.process, operation.line)
        return replies.started(ids, command_id)

    async def _receive(self, ids: Ids, shell: Shell, request: Request, operation: Receive) -> bytes:
        command = shell.command(operation.command_id)
        longest = self.settings.longest_poll
        patience = longest if request.operation_timeout is None else min(request.operation_timeout, longest)
        try:
            async with asyncio.timeout(patience), command.turn:
                return await self._output(ids, shell, command, request)
        except TimeoutError:
            raise faults.timed_out() from None

    async def _output(self, ids: Ids, shell: Shell, command: Running, request: Request) -> bytes:
        known = command.recall(request.message_id)
        if known is not None:
            return known
        limit = replies.stream_bytes(min(request.max_envelope_bytes, self.settings.envelope_kilobytes * 1024))
        chunk = await _read(shell, command, limit)
        if command.is_closed:
            raise faults.aborted()
        self._note_end(command, chunk)
        streams = [Stream(output.stream, output.data) for output in chunk.outputs]
        command_id = "" if command is shell.stream else _asked(request)
        progress = Progress(command_id, chunk.is_last, chunk.exit_code)
        return command.remember(request.message_id, replies.received(ids, streams, progress))

    def _note_end(self, command: Running, chunk: Chunk) -> None:
        if chunk.is_last and not command.has_ended:
            command.has_ended = True
            if chunk.exit_code is not None:
                self._answered(command.host, chunk.exit_code)


async def _read(shell: Shell, command: Running, limit: int) -> Chunk:
    """The next output; a client that leaves the shell ends the waiting."""
    if command.held is None and not shell.left.is_set():
        # Most have something to say; two tasks take longer than all the rest.
        command.held = command.process.take(limit)
    if command.held is None:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_fetch(command, limit))
            leaving = group.create_task(shell.left.wait())
            await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            reading.cancel()
    chunk, command.held = command.held, None
    if chunk is None:
        raise faults.disconnected()
    return chunk


async def _fetch(command: Running, limit: int) -> None:
    """Keep what is read, so that whoever asks next has it where this request is cancelled meanwhile."""
    command.held = await command.process.read(limit)


def _connect(ids: Ids, shell: Shell, operation: Connect) -> bytes:
    if operation.command_id:
        shell.command(operation.command_id)
    elif shell.is_connected:
        raise faults.connected()
    answer = shell.backend.connect(operation.command_id, operation.connection)
    shell.come_back()
    return replies.connected(ids, shell.description, answer)


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


def _configuration(held: WinrmSettings) -> Configuration:
    return Configuration(
        envelope_kilobytes=held.envelope_kilobytes,
        longest_poll=held.longest_poll,
        idle_timeout=held.idle_timeout,
        shells_per_user=held.shells_per_user,
        processes_per_shell=held.processes_per_shell,
        operations_per_user=held.operations_per_user,
        channel_binding=held.channel_binding,
        schemes=held.schemes,
        has_certificates=bool(held.client_certificates),
    )


def _asked(request: Request) -> str:
    return request.operation.command_id if isinstance(request.operation, Receive) else ""


def _uuid() -> str:
    return f"uuid:{str(uuid.uuid4()).upper()}"
