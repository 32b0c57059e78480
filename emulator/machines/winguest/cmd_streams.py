"""Where a command's streams go in cmd.exe: files, NUL, each other, and the next command of a pipe."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from emulator.machines.winguest.cmd_tree import File, Redirections, StreamName, Target
from emulator.machines.winguest.console import Console

if TYPE_CHECKING:
    from emulator.machines.winguest.cmd_shell import Shell

MAX_WAITING = 64
"""Pieces in a pipe that nobody has read; the command before it waits."""


class Routed:
    """A console whose streams go where a command's redirections say.

    Raises:
        DriveError: a file cannot be had.
    """

    def __init__(self, shell: "Shell", redirections: Redirections) -> None:
        self._console = shell.console
        self._drive = shell.session.computer.drive
        self.encoding = shell.console.encoding
        self._targets = {stream: self._resolved(shell, target) for stream, target in redirections.targets.items()}
        source = shell.fill(redirections.source)
        self._source = source and ("nul" if source.casefold() == "nul" else shell.at(source))
        if self._source not in ("", "nul"):
            self._drive.read(self._source)
        for target in self._targets.values():
            if isinstance(target, File):
                self._drive.write(target.path, b"", is_appended=target.is_appended)

    @staticmethod
    def _resolved(shell: "Shell", target: Target) -> Target:
        if not isinstance(target, File):
            return target
        path = shell.fill(target.path)
        return "nul" if path.casefold() == "nul" else File(shell.at(path), is_appended=target.is_appended)

    def write(self, stream: str, data: bytes) -> None:
        """Hand it on, or into a file."""
        name: StreamName = "stderr" if stream == "stderr" else "stdout"
        target = self._targets[name]
        if isinstance(target, File):
            self._drive.write(target.path, data, is_appended=True)
        elif target != "nul":
            self._console.write(target, data)

    async def drained(self) -> None:
        """As the console behind it."""
        await self._console.drained()

    async def standard_input(self) -> AsyncIterator[bytes]:
        """As the console behind it, or a file."""
        if self._source not in ("", "nul"):
            yield self._drive.read(self._source)
        elif not self._source:
            async for data in self._console.standard_input():
                yield data


class Piped:
    """What is between two commands: the first one's output is the second one's input."""

    def __init__(self, console: Console) -> None:
        self.encoding = console.encoding
        self._console = console
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._is_read = True

    def write(self, stream: str, data: bytes) -> None:
        """Output goes into the pipe, errors past it."""
        if stream == "stderr":
            self._console.write(stream, data)
        elif data and self._is_read:
            self._pieces.put_nowait(data)
            if self._pieces.qsize() > MAX_WAITING:
                self._room.clear()

    async def drained(self) -> None:
        """Wait until there is room."""
        await self._room.wait()
        await self._console.drained()

    def standard_input(self) -> AsyncIterator[bytes]:
        """The first command has the console's input."""
        return self._console.standard_input()

    def end(self) -> None:
        """The first command has ended."""
        self._pieces.put_nowait(b"")

    def forget(self) -> None:
        """The second command has ended: what the first one still writes goes nowhere."""
        self._is_read = False
        self._room.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What went into the pipe."""
        while piece := await self._pieces.get():
            if self._pieces.qsize() <= MAX_WAITING:
                self._room.set()
            yield piece


class Reading:
    """The console of a pipe's second command."""

    def __init__(self, console: Console, pipe: Piped) -> None:
        self.encoding = console.encoding
        self._console = console
        self._pipe = pipe

    def write(self, stream: str, data: bytes) -> None:
        """As the console."""
        self._console.write(stream, data)

    async def drained(self) -> None:
        """As the console."""
        await self._console.drained()

    def standard_input(self) -> AsyncIterator[bytes]:
        """What the first command writes."""
        return self._pipe.pieces()
