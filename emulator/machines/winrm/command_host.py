"""What runs command lines for the WinRM service, and the chain in which such hosts stand.

A host takes a command line whole or leaves it to the next; the last one takes everything, if only to refuse it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Output:
    """Some bytes that a command wrote."""

    stream: StreamName
    data: bytes


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a command wrote since it was last asked; with an exit code it has ended and this is the rest."""

    outputs: tuple[Output, ...]
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class ShellContext:
    """What a shell gives the commands in it."""

    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""


class Process(Protocol):
    """A started command line."""

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


class FinishedProcess:
    """A command that ended before anybody asked."""

    def __init__(self, outputs: Sequence[Output], exit_code: int) -> None:
        self._outputs = [output for output in outputs if output.data]
        self._exit_code = exit_code

    async def read(self, limit: int) -> Chunk:
        """What is left, at once."""
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
