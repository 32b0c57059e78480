"""Streams of PowerShell remoting's fragments: what waits for a client that asks."""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterator

from emulator.machines.winrm.command_host import Chunk, Output

HEADER = struct.Struct(">QQBI")
"""MS-PSRP 2.2.4: object ID, fragment ID, flags, length."""
MAX_WAITING_BYTES = 8 * 1024 * 1024


def split(data: bytes) -> Iterator[bytes]:
    """Each fragment of many, header included; Windows sends one in each `rsp:Stream`."""
    at = 0
    while at < len(data):
        *_, length = HEADER.unpack_from(data, at)
        yield data[at : at + HEADER.size + length]
        at += HEADER.size + length


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

    def put(self, fragments: Iterator[bytes]) -> None:
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
        """Wait for fragments or the end; those that fit into `limit` bytes, one at least."""
        while not self._waiting and not self._has_ended:
            self._changed.clear()
            await self._changed.wait()
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
