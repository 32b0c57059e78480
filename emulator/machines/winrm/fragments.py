"""Streams of PowerShell remoting's fragments: what waits for a client that asks."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from emulator.machines.winrm.command_host import Chunk, Output

HEADER = struct.Struct(">QQBI")
"""MS-PSRP 2.2.4: object ID, fragment ID, flags, length."""
FRAGMENT_BYTES = 32768
"""What Windows puts into a fragment at most, its header included."""
MAX_OBJECT_BYTES = 10 * 1024 * 1024
"""What is held of messages that have not come whole: MaximumReceivedObjectSizeMB of a session configuration."""
MAX_WAITING_BYTES = 8 * 1024 * 1024
_START, _END = 1, 2


def cut(object_id: int, message: bytes) -> Iterator[bytes]:
    """A message's fragments, each with its header."""
    size, whole = FRAGMENT_BYTES - HEADER.size, memoryview(message)
    last = max(len(message) - 1, 0) // size
    for number in range(last + 1):
        piece = whole[number * size : (number + 1) * size]
        flags = (_START if number == 0 else 0) | (_END if number == last else 0)
        yield b"".join((HEADER.pack(object_id, number, flags, len(piece)), piece))


class Assembler:
    """Messages of which a part has come."""

    def __init__(self) -> None:
        self._begun: dict[int, tuple[int, bytearray]] = {}
        self._held_bytes = 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Each message that `data` completes, with its object ID.

        Raises:
            ValueError: a fragment is cut short or out of its turn, or too much has begun.
        """
        at = 0
        while at < len(data):
            if len(data) - at < HEADER.size:
                raise ValueError("a fragment without its whole header")
            object_id, number, flags, length = HEADER.unpack_from(data, at)
            at += HEADER.size
            if len(data) - at < length:
                raise ValueError(f"a fragment of {len(data) - at} bytes that says it has {length}")
            message = self._take(object_id, number, data[at : at + length], is_last=bool(flags & _END))
            at += length
            if message is not None:
                yield object_id, message

    def _take(self, object_id: int, number: int, piece: bytes, *, is_last: bool) -> bytes | None:
        due, begun = self._begun.pop(object_id, (0, bytearray()))
        self._held_bytes -= len(begun) + due * HEADER.size
        if number != due:
            raise ValueError(f"fragment {number} of an object where {due} is due")
        if is_last:
            return bytes(begun) + piece if begun else piece
        begun += piece
        self._held_bytes += len(begun) + (due + 1) * HEADER.size
        if self._held_bytes > MAX_OBJECT_BYTES:
            self.forget()
            raise ValueError(f"an object of more than {MAX_OBJECT_BYTES >> 20} MB")
        self._begun[object_id] = (due + 1, begun)
        return None

    def forget(self) -> None:
        """Drop what has begun."""
        self._begun.clear()
        self._held_bytes = 0


class FragmentStream:
    """Fragments of a pool or a pipeline, as a `command_host.Process`."""

    def __init__(self, feed: Callable[[bytes], None], stop: Callable[[], None]) -> None:
        self._feed = feed
        self._stop = stop
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._has_ended = False
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def put(self, fragments: Iterable[bytes]) -> None:
        """Keep fragments for whoever asks."""
        for fragment in fragments:
            self._waiting.append(fragment)
            self._waiting_bytes += len(fragment)
        if self._waiting_bytes > MAX_WAITING_BYTES:
            self._room.clear()
        self._changed.set()

    def end(self) -> None:
        """Nothing comes any more."""
        self._has_ended = True
        self._changed.set()
        self._room.set()

    async def drained(self) -> None:
        """Wait until somebody has taken what waits."""
        await self._room.wait()

    async def read(self, limit: int) -> Chunk:
        """Wait for fragments or the end."""
        while (chunk := self.take(limit)) is None:
            self._changed.clear()
            await self._changed.wait()
        return chunk

    def take(self, limit: int) -> Chunk | None:
        """The end, or those fragments that fit into `limit` bytes, one at least; None where nothing waits."""
        if not self._waiting and not self._has_ended:
            return None
        taken: list[Output] = []
        while self._waiting and (not taken or limit >= len(self._waiting[0])):
            fragment = self._waiting.popleft()
            taken.append(Output("stdout", fragment))
            limit -= len(fragment)
            self._waiting_bytes -= len(fragment)
        if self._waiting_bytes <= MAX_WAITING_BYTES:
            self._room.set()
        return Chunk(tuple(taken), is_marked=self._has_ended and not self._waiting)

    def write(self, data: bytes, *, end: bool) -> None:  # noqa: ARG002  # messages say themselves when they end
        """Fragments of the client's."""
        self._feed(data)

    def interrupt(self) -> None:
        """Stop the pipeline."""
        self._stop()

    def kill(self) -> None:
        """End it; the client has gone."""
        self._stop()
        self.end()
