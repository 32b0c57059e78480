"""Walk an understood script over a shell's state."""

import errno
from dataclasses import dataclass, replace

from emulator.machines.builtin.filesystem import File, MemoryFiles, error
from emulator.machines.builtin.programs import Call, Reader, Shell, Writer
from emulator.machines.builtin.tree import Chain, For, If, Pipeline, Redirection, Script, Simple, Word
from emulator.machines.builtin.understanding import Known, Understood

PIPE_LIMIT_BYTES = 64 * 1024 * 1024
"""Commands of a pipeline run one after the other, and what is between them is held."""


class ExitError(Exception):
    """The shell was told to exit."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Null:
    """Takes everything, gives nothing."""

    async def read(self) -> bytes:
        """The end."""
        return b""

    async def write(self, data: bytes) -> None:
        """Nothing."""


class Buffer:
    """What one command of a pipeline leaves for the next."""

    def __init__(self, data: bytes = b"") -> None:
        self._data = bytearray(data)

    async def read(self) -> bytes:
        """All that is there."""
        data = bytes(self._data)
        self._data.clear()
        return data

    async def write(self, data: bytes) -> None:
        """Hold more."""
        if len(self._data) + len(data) > PIPE_LIMIT_BYTES:
            raise error(errno.ENOSPC, "the pipe")
        self._data += data


@dataclass(frozen=True, slots=True)
class FileWriter:
    """Appends to a file."""

    files: MemoryFiles
    file: File

    async def write(self, data: bytes) -> None:
        """Write at its end."""
        self.files.write(self.file, len(self.file.data), data)


@dataclass(frozen=True, slots=True)
class Streams:
    """The three descriptors of a command."""

    stdin: Reader
    stdout: Writer
    stderr: Writer


async def run(understood: Understood, shell: Shell, streams: Streams) -> int:
    """Run a script to its end; its exit status."""
    try:
        await _Walk(understood, shell).script(understood.script, streams, guarded=False)
    except ExitError as told:
        return told.status
    return shell.status


class _Walk:
    """One script in one shell; `guarded` where a failure is looked at, so that `set -e` lets it pass."""

    def __init__(self, understood: Understood, shell: Shell) -> None:
        self._understood = understood
        self._shell = shell

    async def script(self, script: Script, streams: Streams, *, guarded: bool) -> None:
        for chain in script.chains:
            await self._chain(chain, streams, guarded=guarded)

    async def _chain(self, chain: Chain, streams: Streams, *, guarded: bool) -> None:
        last = len(chain.links) - 1
        for index, (operator, pipeline) in enumerate(chain.links):
            if operator and (self._shell.status == 0) != (operator == "&&"):
                continue
            looked_at = guarded or index < last or pipeline.negated
            await self._pipeline(pipeline, streams, guarded=looked_at)
            if self._shell.status and self._shell.strict and not looked_at:
                raise ExitError(self._shell.status)

    async def _pipeline(self, pipeline: Pipeline, streams: Streams, *, guarded: bool) -> None:
        *firsts, last = pipeline.commands
        for command in firsts:
            between = Buffer()
            walk = _Walk(self._understood, self._shell.copy())
            await walk.apart(command, replace(streams, stdout=between), guarded=guarded)
            streams = replace(streams, stdin=between)
        if firsts:
            walk = _Walk(self._understood, self._shell.copy())
            self._shell.status = await walk.apart(last, streams, guarded=guarded)
        else:
            await self._command(last, streams, guarded=guarded)
        if pipeline.negated:
            self._shell.status = int(not self._shell.status)

    async def apart(self, command: Simple | If | For, streams: Streams, *, guarded: bool) -> int:
        """Run a command of a pipeline, in this subshell; its status."""
        try:
            await self._command(command, streams, guarded=guarded)
        except ExitError as told:
            return told.status
        return self._shell.status

    async def _command(self, command: Simple | If | For, streams: Streams, *, guarded: bool) -> None:
        if isinstance(command, If):
            await self._if(command, streams, guarded=guarded)
        elif isinstance(command, For):
            self._shell.status = 0
            for value in [value for word in command.words for value in self._expand(word)]:
                self._shell.variables[command.name] = value
                await self.script(command.body, streams, guarded=guarded)
        else:
            await self._simple(command, streams)

    async def _if(self, command: If, streams: Streams, *, guarded: bool) -> None:
        for condition, body in command.branches:
            await self.script(condition, streams, guarded=True)
            if self._shell.status == 0:
                await self.script(body, streams, guarded=guarded)
                return
        self._shell.status = 0
        if command.otherwise:
            await self.script(command.otherwise, streams, guarded=guarded)

    async def _simple(self, command: Simple, streams: Streams) -> None:
        known = self._understood.known[id(command)]
        assigned = {name: self._one(word) for name, word in (*command.assignments, *known.assignments)}
        operands = [value for word in known.sorted.operands for value in self._expand(word)]
        name = known.name or "sh"
        try:
            streams = self._redirected(command.redirections, streams)
            self._shell.status = await self._perform(known, operands, assigned, streams)
        except OSError as problem:
            where = f"{problem.filename}: " if problem.filename else ""
            await streams.stderr.write(f"{name}: {where}{problem.strerror}\n".encode())
            self._shell.status = 1
        except ValueError as problem:
            await streams.stderr.write(f"{name}: {problem}\n".encode())
            self._shell.status = 2

    async def _perform(self, known: Known, operands: list[str], assigned: dict[str, str], streams: Streams) -> int:
        shell = self._shell
        if not known.name:
            shell.variables.update(assigned)
            shell.environment.update({key: value for key, value in assigned.items() if key in shell.environment})
            return 0
        if known.inner:
            return await self._inner(known, operands, assigned, streams)
        if known.program:
            inside = shell.copy() if assigned else shell
            inside.environment.update(assigned)
            call = Call(known.name, inside, known.sorted.options, known.sorted.values, operands, *_three(streams))
            return await known.program.run(call)
        return await self._own(known.name, operands, assigned, streams)

    async def _inner(self, known: Known, operands: list[str], assigned: dict[str, str], streams: Streams) -> int:
        inside = self._shell.copy()
        inside.environment.update(assigned)
        inside.variables = dict(inside.environment)
        inside.arguments = tuple(operands) or ("sh",)
        inside.strict = False
        inside.status = 0
        if known.path and not inside.files.file(known.path).mode & 0o111:
            await streams.stderr.write(f"sh: {known.path}: Permission denied\n".encode())
            return 126
        if known.inner is None:
            raise AssertionError("a script was understood before it runs")
        return await run(known.inner, inside, streams)

    async def _own(self, name: str, operands: list[str], assigned: dict[str, str], streams: Streams) -> int:
        shell = self._shell
        if name == "cd":
            folder = shell.files.absolute(operands[0] if operands else shell.files.home, shell.folder)
            shell.files.folder(folder)
            shell.folder = shell.variables["PWD"] = folder
        elif name == "exit":
            raise ExitError(int(operands[0]) & 0xFF if operands else shell.status)
        elif name == "set":
            shell.strict = True
        elif name == "env":
            shown = {**shell.environment, **assigned}
            await streams.stdout.write("".join(f"{key}={value}\n" for key, value in shown.items()).encode())
        elif name == "unset":
            for key in operands:
                shell.variables.pop(key, None)
                shell.environment.pop(key, None)
        else:
            self._export(operands)
        return 0

    def _export(self, operands: list[str]) -> None:
        for operand in operands:
            key, sign, value = operand.partition("=")
            if not key.isidentifier():
                raise ValueError(f"'{operand}': not a valid identifier")
            if sign:
                self._shell.variables[key] = value
            if key in self._shell.variables:
                self._shell.environment[key] = self._shell.variables[key]

    def _redirected(self, redirections: tuple[Redirection, ...], streams: Streams) -> Streams:
        for redirection in redirections:
            target = self._one(redirection.target)
            name = {0: "stdin", 1: "stdout", 2: "stderr"}[redirection.descriptor]
            stream: object
            if redirection.operator == ">&":
                stream = streams.stdout if target == "1" else streams.stderr
            elif target == "/dev/null":
                stream = Null()
            elif redirection.operator == "<":
                stream = Buffer(bytes(self._shell.files.file(self._path(target)).data))
            else:
                file = self._shell.files.create(self._path(target), truncate=redirection.operator == ">")
                stream = FileWriter(self._shell.files, file)
            streams = replace(streams, **{name: stream})  # type: ignore[arg-type]
        return streams

    def _path(self, target: str) -> str:
        return self._shell.files.absolute(target, self._shell.folder)

    def _one(self, word: Word) -> str:
        return "".join(self._value(part.text) if part.is_variable else part.text for part in word.parts)

    def _value(self, name: str) -> str:
        shell = self._shell
        if name == "?":
            return str(shell.status)
        if name == "#":
            return str(len(shell.arguments) - 1)
        if name.isdigit():
            return shell.arguments[int(name)] if int(name) < len(shell.arguments) else ""
        return shell.variables.get(name, "")

    def _expand(self, word: Word) -> list[str]:
        """The words that one becomes: an unquoted variable is split at blanks, and vanishes if it is empty."""
        found: list[str] = []
        current: str | None = None
        for part in word.parts:
            if not part.is_variable or part.quoted:
                text = self._value(part.text) if part.is_variable else part.text
                current = (current or "") + text
                continue
            value = self._value(part.text)
            pieces = value.split()
            if value[:1].isspace() and current is not None:
                found.append(current)
                current = None
            for index, piece in enumerate(pieces):
                if index:
                    found.append(current or "")
                    current = None
                current = (current or "") + piece
            if value[-1:].isspace() and current is not None:
                found.append(current)
                current = None
        return found if current is None else [*found, current]


def _three(streams: Streams) -> tuple[Reader, Writer, Writer]:
    return streams.stdin, streams.stdout, streams.stderr
