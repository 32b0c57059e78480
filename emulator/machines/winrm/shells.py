"""What was opened over WinRM: shells, the commands in them, and when they are forgotten."""

import asyncio
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from emulator.machines.winrm.command_host import Process, ShellContext
from emulator.wire.wsman import faults

_GUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


@dataclass(frozen=True, slots=True)
class Quotas:
    """Windows' limits.

    Attributes:
        shells_per_user: MaxShellsPerUser.
        idle_timeout: IdleTimeout in seconds, the default and the most a client may ask for.
        patience: seconds that a Create over the quota waits for a shell to close before it is refused. Windows
            refuses at once; a burst of short sessions is more useful here, and shells that stay are still refused.
    """

    shells_per_user: int = 30
    idle_timeout: float = 7200.0
    patience: float = 10.0


class Running:
    """A command in a shell; Receives on it take turns, and the last reply is kept for a client that asks again."""

    def __init__(self, host: str, process: Process) -> None:
        self.host = host
        self.process = process
        self.turn = asyncio.Lock()
        self.exit_code: int | None = None
        self.is_closed = False
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


class Shell:
    """A place for commands, of one user."""

    def __init__(self, shell_id: str, owner: str, context: ShellContext, idle_timeout: float) -> None:
        self.shell_id = shell_id
        self.owner = owner
        self.context = context
        self.commands: dict[str, Running] = {}
        self._idle_timeout = idle_timeout
        self._busy = 0
        self._used = asyncio.get_running_loop().time()

    @contextmanager
    def used(self) -> Iterator[None]:
        """The shell is not idle within the block."""
        self._busy += 1
        try:
            yield
        finally:
            self._busy -= 1
            self._used = asyncio.get_running_loop().time()

    def is_expired(self) -> bool:
        """Whether it idled longer than it may."""
        idle = asyncio.get_running_loop().time() - self._used
        return not self._busy and idle > self._idle_timeout

    def command(self, command_id: str) -> Running:
        """The command of that ID.

        Raises:
            WsmanFaultError: there is none.
        """
        found = self.commands.get(command_id.upper())
        if found is None:
            raise faults.unknown_shell()
        return found

    def close(self) -> None:
        """End its commands."""
        for command in self.commands.values():
            command.close()
        self.commands.clear()


class Shells:
    """All shells of a machine; idle ones are forgotten when somebody looks."""

    def __init__(self, quotas: Quotas) -> None:
        self.quotas = quotas
        self._shells: dict[str, Shell] = {}
        self._freed = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._shells)

    def find(self, shell_id: str, owner: str) -> Shell:
        """The owner's shell of that ID; another user's is as unknown as one that never was.

        Raises:
            WsmanFaultError: there is none.
        """
        self._forget_idle()
        shell = self._shells.get(shell_id.upper())
        if shell is None or shell.owner != owner:
            raise faults.unknown_shell()
        return shell

    async def open(self, wish: str, owner: str, context: ShellContext, *, idle_timeout: float | None) -> Shell:
        """A new shell, with the ID that the client wished for where that is free.

        Raises:
            WsmanFaultError: the owner's quota is spent and no shell was closed in time.
        """
        idle = min(idle_timeout or self.quotas.idle_timeout, self.quotas.idle_timeout)
        try:
            async with asyncio.timeout(self.quotas.patience), self._freed:
                await self._freed.wait_for(lambda: self._count(owner) < self.quotas.shells_per_user)
                shell = Shell(new_id(wish, self._shells), owner, context, idle)
                self._shells[shell.shell_id] = shell
        except TimeoutError:
            raise faults.too_many_shells(self.quotas.shells_per_user) from None
        return shell

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

    def _count(self, owner: str) -> int:
        self._forget_idle()
        return sum(shell.owner == owner for shell in self._shells.values())

    def _forget_idle(self) -> None:
        for shell in [shell for shell in self._shells.values() if shell.is_expired()]:
            del self._shells[shell.shell_id]
            shell.close()


def new_id(wish: str, taken: dict[str, Shell] | dict[str, Running]) -> str:
    """An ID in Windows' spelling: the client's own where it is a free GUID, else a fresh one."""
    if _GUID.fullmatch(wish) and wish.upper() not in taken:
        return wish.upper()
    return str(uuid.uuid4()).upper()
