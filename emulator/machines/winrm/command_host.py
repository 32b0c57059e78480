"""What runs command lines for the WinRM service, and the chain in which such hosts stand.

A host takes a command line whole or leaves it to the next; the last one takes everything, if only to refuse it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from emulator.wire.wsman.operations import Command, Create, Request

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Output:
    """Some bytes that a command wrote."""

    stream: StreamName
    data: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a command wrote since it was last asked; with an exit code, or marked, it has ended and this is the rest.

    A PowerShell pipeline ends without an exit code.
    """

    outputs: tuple[Output, ...]
    exit_code: int | None = None
    is_marked: bool = False

    @property
    def is_last(self) -> bool:
        """Whether nothing comes after it."""
        return self.is_marked or self.exit_code is not None


@dataclass(frozen=True, slots=True)
class ShellContext:
    """What a shell gives the commands in it."""

    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""
    code_page: str = "65001"


class Process(Protocol):
    """A started command line."""

    def take(self, limit: int) -> Chunk | None:
        """What it has written, or its end, at most about `limit` bytes; None where nothing waits."""

    async def read(self, limit: int) -> Chunk:
        """Wait for output, or for the end, and return at most about `limit` bytes.

        It may be cancelled while it waits, and then nothing is lost.
        """

    def write(self, data: bytes, *, end: bool) -> None:
        """Take standard input; `end` closes it. Input that comes after the command's end is dropped."""

    def interrupt(self) -> None:
        """Ctrl+C."""

    def kill(self) -> None:
        """End it now; idempotent, and fine after its end."""


class CommandHost(Protocol):
    """Something that can run command lines."""

    @property
    def name(self) -> str:
        """What status and observations call it."""

    async def start(self, context: ShellContext, line: str) -> Process | None:
        """The started command, or None where this host does not understand the whole line."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process, and who runs it."""

    host: str
    process: Process


class ShellBackend(Protocol):
    """What is behind an open shell: cmd.exe, or a pool of PowerShell runspaces."""

    @property
    def stream(self) -> Process | None:
        """What a Receive and a Send without a command mean; None where they mean nothing."""

    async def start(self, command_id: str, request: Request, command: Command) -> Started:
        """Start a command; raises `WsmanFaultError` where the request is refused."""

    def connect(self, command_id: str, connection: bytes) -> bytes:
        """Let another client take over; what PowerShell answers, or nothing."""

    def close(self) -> None:
        """Let go of what is not a command's."""


class Host(Protocol):
    """Something that opens shells."""

    async def open(self, request: Request, create: Create) -> ShellBackend:
        """What the new shell stands on; raises `WsmanFaultError` where the request is refused."""


class FinishedProcess:
    """A command that ended before anybody asked."""

    def __init__(self, outputs: Sequence[Output], exit_code: int) -> None:
        self._outputs = [output for output in outputs if output.data]
        self._exit_code = exit_code

    async def read(self, limit: int) -> Chunk:
        """What is left, at once."""
        return self.take(limit)

    def take(self, limit: int) -> Chunk:
        """What is left."""
        taken: list[Output] = []
        while self._outputs and limit > 0:
            output = self._outputs.pop(0)
            if len(output.data) > limit:
                self._outputs.insert(0, Output(output.stream, output.data[limit:]))
                output = Output(output.stream, output.data[:limit])
            taken.append(output)
            limit -= len(output.data)
        return Chunk(tuple(taken), None if self._outputs else self._exit_code)

    def write(self, data: bytes, *, end: bool) -> None:
        """Nobody reads it any more."""

    def interrupt(self) -> None:
        """There is nothing left to interrupt."""

    def kill(self) -> None:
        """There is nothing left to end."""
