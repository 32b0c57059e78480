"""What a program of this guest is given, and how its options are told from its operands."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from emulator.machines.builtin.filesystem import MemoryFiles
from emulator.machines.builtin.tree import NotUnderstoodError, Word


class Reader(Protocol):
    """Where input comes from."""

    async def read(self) -> bytes:
        """The next bytes; empty at the end."""
        ...


class Writer(Protocol):
    """Where output goes."""

    async def write(self, data: bytes) -> None:
        """Take bytes, waiting for room."""
        ...


@dataclass(slots=True)
class Shell:
    """A shell's state.

    Attributes:
        files: the machine's.
        hostname: the machine's name.
        username: who runs it.
        environment: exported variables.
        variables: all variables, exported or not.
        folder: where it is.
        status: the last command's, `$?`.
        arguments: `$0`, `$1`, …
        strict: `set -e`.
    """

    files: MemoryFiles
    hostname: str
    username: str
    environment: dict[str, str]
    variables: dict[str, str]
    folder: str
    status: int = 0
    arguments: tuple[str, ...] = ("sh",)
    strict: bool = False

    def copy(self) -> "Shell":
        """A subshell: the same files, a state of its own."""
        return Shell(
            self.files, self.hostname, self.username, dict(self.environment), dict(self.variables), self.folder,
            self.status, self.arguments, self.strict,
        )  # fmt: skip


@dataclass(slots=True)
class Call:
    """One program's run."""

    name: str
    shell: Shell
    options: set[str]
    values: dict[str, str]
    operands: list[str]
    stdin: Reader
    stdout: Writer
    stderr: Writer

    def path(self, operand: str) -> str:
        """An operand as an absolute path."""
        return self.shell.files.absolute(operand, self.shell.folder)

    async def say(self, text: str) -> None:
        """Write a line to the output."""
        await self.stdout.write(text.encode() + b"\n")

    async def complain(self, text: str) -> int:
        """Write a line to the error output; returns 1, the usual status then."""
        await self.stderr.write(f"{self.name}: {text}\n".encode())
        return 1

    async def input(self) -> bytes:
        """All of the input, or of the files among the operands."""
        if not self.operands:
            return b"".join([chunk async for chunk in self.chunks()])
        return b"".join(self.contents(name) for name in self.operands)

    def contents(self, operand: str) -> bytes:
        """A file's bytes."""
        path = self.path(operand)
        return b"" if path == "/dev/null" else bytes(self.shell.files.file(path).data)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The input, piece by piece."""
        while data := await self.stdin.read():
            yield data


Function = Callable[[Call], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Program:
    """A program and the options it knows.

    Attributes:
        run: what it does; returns its exit status and raises `OSError` for files.
        flags: one-letter options.
        valued: one-letter options that take a value.
        plain: it takes every word as an operand, as `echo` does.
        least: the fewest operands it works with.
        most: the most.
    """

    run: Function
    flags: str = ""
    valued: str = ""
    plain: bool = False
    least: int = 0
    most: int = 1 << 30


@dataclass(slots=True)
class Sorted:
    """Words of a command, told apart; operands may still hold variables."""

    options: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    operands: list[Word] = field(default_factory=list)


def sort_words(name: str, program: Program, words: tuple[Word, ...]) -> Sorted:
    """Tell options from operands. Only what is written out is an option, so that all is known beforehand.

    Raises:
        NotUnderstoodError: an option is not one this guest knows.
    """
    found = Sorted()
    if program.plain:
        found.operands = list(words)
        return found
    rest = list(words)
    while rest:
        word = rest.pop(0)
        text = word.literal
        if text == "--":
            found.operands += rest
            break
        if not _is_option(text):
            found.operands.append(word)
            continue
        text = _spelt_out(text or "", program)
        if text[1] in program.valued:
            value = text[2:] or (rest.pop(0).literal if rest else None)
            if value is None:
                raise NotUnderstoodError(f"{name} {text} without a written value")
            found.values[text[1]] = value
        elif set(text[1:]) <= set(program.flags):
            found.options |= set(text[1:])
        else:
            raise NotUnderstoodError(f"{name} {text}")
    return found


def _is_option(text: str | None) -> bool:
    return text is not None and text.startswith("-") and text != "-"


def _spelt_out(text: str, program: Program) -> str:
    """`-5` is `-n5` for the programs that count lines."""
    return f"-n{text[1:]}" if text[1:].isdigit() and "n" in program.valued else text
