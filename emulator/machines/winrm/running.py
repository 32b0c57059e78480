"""A process that is a task: its output waits for whoever asks, its input for the task."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from emulator.machines.winrm.command_host import Chunk, Output, StreamName

MAX_WAITING_BYTES = 4 * 1024 * 1024
"""Output that nobody has asked for yet; a process that writes more waits."""
PIECE_BYTES = 65536
CTRL_C = -1073741510
"""0xC000013A, the exit code of a process that was interrupted."""
KILLED = 1


class Pipes:
    """Both ends of a process's standard streams; this side is the process's, a `winguest.console.Console`."""

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.changed = asyncio.Event()
        self._outputs: deque[Output] = deque()
        self._waiting_bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._inputs: deque[bytes] = deque()
        self._has_input_ended = False
        self._fed = asyncio.Event()

    def write(self, stream: str, data: bytes) -> None:
        """Output of the process."""
        if not data:
            return
        name: StreamName = "stderr" if stream == "stderr" else "stdout"
        if (
            self._outputs
            and self._outputs[-1].stream == name
            and len(self._outputs[-1].data) + len(data) <= PIECE_BYTES
        ):
            self._outputs[-1] = Output(name, self._outputs[-1].data + data)
        else:
            # In pieces: what is taken from a long one would be copied again for each that asks.
            pieces = (data[at : at + PIECE_BYTES] for at in range(0, len(data), PIECE_BYTES))
            self._outputs.extend(Output(name, piece) for piece in pieces)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._room.clear()
        self.changed.set()

    async def drained(self) -> None:
        """Wait until somebody has taken what waits."""
        await self._room.wait()

    async def standard_input(self) -> AsyncIterator[bytes]:
        """What comes in, until its end."""
        while self._inputs or not self._has_input_ended:
            while self._inputs:
                yield self._inputs.popleft()
            if not self._has_input_ended:
                self._fed.clear()
                await self._fed.wait()

    def feed(self, data: bytes, *, end: bool) -> None:
        """Input for the process."""
        if data:
            self._inputs.append(data)
        self._has_input_ended |= end
        self._fed.set()

    def take(self, limit: int) -> tuple[Output, ...]:
        """Output for whoever asks, at most `limit` bytes."""
        taken: list[Output] = []
        while self._outputs and limit > 0:
            output = self._outputs.popleft()
            if len(output.data) > limit:
                self._outputs.appendleft(Output(output.stream, output.data[limit:]))
                output = Output(output.stream, output.data[:limit])
            taken.append(output)
            limit -= len(output.data)
            self._waiting_bytes -= len(output.data)
        if self._waiting_bytes <= MAX_WAITING_BYTES:
            self._room.set()
        return tuple(taken)

    @property
    def is_empty(self) -> bool:
        """Whether no output waits."""
        return not self._outputs


Body = Callable[[Pipes], Awaitable[int]]
"""What a process does; returns its exit code."""


class TaskProcess:
    """A running body, as a `command_host.Process`."""

    def __init__(self, group: asyncio.TaskGroup, body: Body, encoding: str) -> None:
        self._pipes = Pipes(encoding)
        self._exit_code: int | None = None
        self._code_when_cancelled = KILLED
        self._task = group.create_task(self._run(body))

    async def _run(self, body: Body) -> None:
        code = KILLED
        try:
            code = await body(self._pipes)
        except asyncio.CancelledError:
            code = self._code_when_cancelled
        finally:
            self._exit_code = code
            self._pipes.changed.set()

    def take(self, limit: int) -> Chunk | None:
        """Output or the end; None where neither is there."""
        if self._pipes.is_empty and self._exit_code is None:
            return None
        outputs = self._pipes.take(limit)
        return Chunk(outputs, self._exit_code if self._pipes.is_empty else None)

    async def read(self, limit: int) -> Chunk:
        """Wait for output or the end."""
        while (chunk := self.take(limit)) is None:
            self._pipes.changed.clear()
            await self._pipes.changed.wait()
        return chunk

    def write(self, data: bytes, *, end: bool) -> None:
        """Take standard input; what comes after the end is dropped."""
        if self._exit_code is None:
            self._pipes.feed(data, end=end)

    def interrupt(self) -> None:
        """Ctrl+C: everything in it ends."""
        self._code_when_cancelled = CTRL_C
        self._task.cancel()

    def kill(self) -> None:
        """End it now."""
        self._task.cancel()
