"""What was opened over WinRM: shells, the commands in them, and when they are forgotten."""

import asyncio
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.machines.settings import WinrmSettings
from emulator.machines.winrm.command_host import Chunk, Process, ShellBackend
from emulator.wire.wsman import faults
from emulator.wire.wsman.descriptions import ShellDescription
from emulator.wire.wsman.operations import Create

LOOK_EVERY = 1.0
"""Seconds between looks at all shells while requests come; with hundreds it takes longer than all the rest."""
_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Running:
    """A command in a shell, or a shell's own stream.

    Receives on it take turns, and the last reply is kept for a client that asks again.
    """

    def __init__(self, host: str, process: Process, line: str = "") -> None:
        self.host = host
        self.process = process
        self.line = line
        self.turn = asyncio.Lock()
        self.is_closed = False
        self.has_ended = False
        self.held: Chunk | None = None
        self._last_reply: tuple[str, bytes] = ("", b"")

    def remember(self, message_id: str, reply: bytes) -> bytes:
        """Keep the reply to one MessageID, and return it."""
        self._last_reply = (message_id, reply)
        return reply

    def recall(self, message_id: str) -> bytes | None:
        """The reply that this MessageID already got, or None."""
        known, reply = self._last_reply
        return reply if reply and known == message_id else None

    def close(self) -> None:
        """End the command; whoever waits for its output is told."""
        self.is_closed = True
        self.process.kill()


@dataclass(frozen=True, slots=True)
class Identity:
    """Which shell it is, whose, and of what kind."""

    shell_id: str
    owner: str
    resource: str


class Shell:
    """A place for commands, of one user."""

    def __init__(self, identity: Identity, create: Create, backend: ShellBackend, *, idle_timeout: float) -> None:
        self.shell_id = identity.shell_id
        self.owner = identity.owner
        self.resource = identity.resource
        self.backend = backend
        self.commands: dict[str, Running] = {}
        self.stream = None if backend.stream is None else Running("PowerShell", backend.stream)
        self.idle_timeout = idle_timeout
        self.is_connected = True
        self.left = asyncio.Event()
        self._create = create
        self._busy = 0
        self._opened = self._used = asyncio.get_running_loop().time()

    @contextmanager
    def used(self) -> Iterator[None]:
        """The shell is not idle within the block."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._used = asyncio.get_running_loop().time()

    @property
    def is_expired(self) -> bool:
        """Whether it idled longer than it may, or has lived as long as its client wished."""
        now = asyncio.get_running_loop().time()
        if self._create.lifetime is not None and now - self._opened > self._create.lifetime:
            return True
        return not self._busy and now - self._used > self.idle_timeout

    @property
    def description(self) -> ShellDescription:
        """How it is."""
        now = asyncio.get_running_loop().time()
        return ShellDescription(
            shell_id=self.shell_id,
            resource=self.resource,
            owner=self.owner,
            name=self._create.name,
            input_streams=self._create.input_streams,
            output_streams=self._create.output_streams,
            idle_timeout=self.idle_timeout,
            state="Connected" if self.is_connected else "Disconnected",
            age=now - self._opened,
            idle=0.0 if self._busy else now - self._used,
            commands=len(self.commands),
        )

    def command(self, command_id: str) -> Running:
        """The command of that ID, or the shell's own stream where the ID is empty.

        Raises:
            WsmanFaultError: there is none.
        """
        found = self.commands.get(command_id.upper()) if command_id else self.stream
        if found is None:
            raise faults.unknown_command() if command_id else faults.missing_command_id()
        return found

    def leave(self) -> None:
        """Its client disconnects; who waits for output is told."""
        self.is_connected = False
        self.left.set()

    def come_back(self) -> None:
        """A client is connected again."""
        self.is_connected = True
        self.left = asyncio.Event()

    def close(self) -> None:
        """End its commands."""
        for command in (*self.commands.values(), *([self.stream] if self.stream else [])):
            command.close()
        self.commands.clear()
        self.backend.close()


class Shells:
    """All shells of a machine; idle ones are forgotten when somebody looks."""

    def __init__(self, settings: WinrmSettings) -> None:
        self._settings = settings
        self._shells: dict[str, Shell] = {}
        self._next_look = 0.0
        self._freed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._shells)

    def of(self, owner: str) -> list[Shell]:
        """The owner's shells."""
        self._forget_idle()
        return [shell for shell in self._shells.values() if shell.owner == owner]

    def find(self, shell_id: str, owner: str) -> Shell:
        """The owner's shell of that ID; another user's is as unknown as one that never was.

        Raises:
            WsmanFaultError: there is none.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            self._forget_idle()
        shell = self._shells.get(shell_id.upper())
        if shell is None or shell.owner != owner or shell.is_expired:
            raise faults.unknown_shell()
        return shell

    async def room(self, owner: str) -> None:
        """Wait until the owner may open another shell.

        Raises:
            WsmanFaultError: the owner's quota is spent and no shell was closed in time.
        """
        limit = self._settings.shells_per_user
        try:
            async with asyncio.timeout(self._settings.shell_patience), self._freed:
                await self._freed.wait_for(lambda: len(self.of(owner)) < limit)
        except TimeoutError:
            raise faults.too_many_shells(limit) from None

    def add(self, owner: str, resource: str, create: Create, backend: ShellBackend) -> Shell:
        """A new shell, with the ID that the client wished for where that is free."""
        identity = Identity(new_id(create.shell_id, self._shells), owner, resource)
        shell = Shell(identity, create, backend, idle_timeout=self.idle_timeout(create.idle_timeout))
        self._shells[shell.shell_id] = shell
        return shell

    def idle_timeout(self, wish: float | None) -> float:
        """The seconds that a shell may idle."""
        return min(wish or self._settings.idle_timeout, self._settings.idle_timeout)

    async def close(self, shell: Shell) -> None:
        """Close a shell and let the next one in."""
        self._shells.pop(shell.shell_id, None)
        shell.close()
        async with self._freed:
            self._freed.notify_all()

    def close_all(self) -> None:
        """The machine stops."""
        for shell in self._shells.values():
            shell.close()
        self._shells.clear()

    def _forget_idle(self) -> None:
        for shell in [shell for shell in self._shells.values() if shell.is_expired]:
            del self._shells[shell.shell_id]
            shell.close()


def new_id(wish: str, taken: dict[str, Shell] | dict[str, Running]) -> str:
    """An ID in Windows' spelling: the client's own where it is a free GUID, else a fresh one."""
    if _GUID.fullmatch(wish) and wish.upper() not in taken:
        return wish.upper()
    return str(uuid.uuid4()).upper()
