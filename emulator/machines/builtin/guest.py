"""The built-in guest as a machine's backend: understands a command whole, or refuses it whole."""

import asyncio
from collections import deque

from emulator.machines.builtin import interpreter
from emulator.machines.builtin.filesystem import MemoryFiles
from emulator.machines.builtin.interpreter import Streams
from emulator.machines.builtin.programs import Shell
from emulator.machines.builtin.tree import NotUnderstoodError
from emulator.machines.builtin.understanding import understand
from emulator.machines.guest import Command, Ending, Output, Terminal

REFUSED = 127
"""The exit code of a script that was not understood, as of a command that is not there."""
QUEUE_CHUNKS = 16
GUEST_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class BuiltinGuest:
    """Runs commands over files in memory, which last as long as it does.

    Args:
        hostname: the machine's name.
        username: the one account.
        reason: why it is not a sandbox, for the detail line.
    """

    name = "builtin"

    def __init__(self, *, hostname: str, username: str, reason: str = "") -> None:
        self.detail = "built-in guest: a small shell over files in memory, executes nothing on this machine"
        self.detail += f" (no sandbox: {reason})" if reason else ""
        self.files = MemoryFiles(f"/home/{username}")
        self._hostname = hostname
        self._username = username

    async def start(self, command: Command) -> "BuiltinProcess":
        """See `Guest.start`."""
        return BuiltinProcess(self._shell(command), command)

    def _shell(self, command: Command) -> Shell:
        home = self.files.home
        fixed = {"HOME": home, "USER": self._username, "LOGNAME": self._username, "SHELL": "/bin/sh", "PWD": home}
        environment = {"PATH": GUEST_PATH, "LANG": "C.UTF-8", **command.environment, **fixed}
        if not self.files.is_folder(home):
            home = "/"
        return Shell(self.files, self._hostname, self._username, environment, dict(environment), home)


class _Channel:
    """Bytes on their way, in bounded number."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._changed = asyncio.Condition()
        self._ended = False

    async def read(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._chunks or self._ended)
            data = self._chunks.popleft() if self._chunks else b""
            self._changed.notify_all()
        return data

    async def write(self, data: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._chunks) < QUEUE_CHUNKS or self._ended)
            if data and not self._ended:
                self._chunks.append(data)
            self._changed.notify_all()

    async def end(self) -> None:
        async with self._changed:
            self._ended = True
            self._changed.notify_all()


class BuiltinProcess:
    """One script; see `Process`."""

    def __init__(self, shell: Shell, command: Command) -> None:
        self._shell = shell
        self._command = command
        self._stdin = _Channel()
        self._outputs: dict[Output, _Channel] = {"stdout": _Channel(), "stderr": _Channel()}
        self._signal = ""
        self._task: asyncio.Task[int] | None = None

    async def wait(self) -> Ending:
        """See `Process.wait`; the script runs in it."""
        try:
            async with asyncio.TaskGroup() as group:
                self._task = group.create_task(self._script())
                if self._signal:  # it came first
                    self._task.cancel()
        finally:
            for channel in (self._stdin, *self._outputs.values()):
                await channel.end()
        return Ending(signal=self._signal) if self._task.cancelled() else Ending(exit_code=self._task.result())

    async def _script(self) -> int:
        stdout, stderr = self._outputs["stdout"], self._outputs["stderr"]
        if self._command.terminal is not None:
            stderr = stdout
        try:
            understood = understand(await self._text(), self._shell.files)
        except NotUnderstoodError as error:
            await stderr.write(f"aib-emulator built-in guest: does not know {error}; nothing was run\n".encode())
            return REFUSED
        return await interpreter.run(understood, self._shell, Streams(self._stdin, stdout, stderr))

    async def _text(self) -> str:
        """The script: the command line, or else all of the input."""
        if self._command.line is not None:
            return self._command.line
        if self._command.subsystem or self._command.terminal is not None:
            raise NotUnderstoodError("interactive sessions; give the command to run")
        data = b""
        while chunk := await self._stdin.read():
            data += chunk
            if len(data) > 1 << 20:
                raise NotUnderstoodError("so long a script")
        return data.decode("utf-8", "surrogateescape")

    async def read(self, output: Output) -> bytes:
        """See `Process.read`."""
        return await self._outputs[output].read()

    async def write(self, data: bytes) -> None:
        """See `Process.write`; a script that has ended takes no more."""
        await self._stdin.write(data)

    async def end_input(self) -> None:
        """See `Process.end_input`."""
        await self._stdin.end()

    def send_signal(self, name: str) -> None:
        """See `Process.send_signal`: what ends a program that does not handle it ends this one."""
        if name in {"TERM", "INT", "HUP", "KILL", "QUIT"} and not self._signal:
            self._signal = name
            if self._task:
                self._task.cancel()

    def resize(self, terminal: Terminal) -> None:
        """See `Process.resize`: nothing here draws."""

    async def close(self) -> None:
        """See `Process.close`; a script runs only while it is waited for."""
