"""Read and write non-blocking descriptors without transports: nothing to leak, and safe to cancel."""

import asyncio
import contextlib
import errno
import fcntl
import os
import struct
import termios
from collections.abc import Callable

CHUNK_BYTES = 128 * 1024
PIPE_BYTES = 512 * 1024


def pipe() -> tuple[int, int]:
    """A pipe's reading and writing end, wide where the kernel allows it."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    with contextlib.suppress(OSError):  # beyond this user's share it stays at 64 KiB
        fcntl.fcntl(reading, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    return reading, writing


async def read(descriptor: int) -> bytes:
    """The next bytes; empty at the end."""
    while True:
        try:
            return os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:
            await readable(descriptor)
        except OSError as error:
            if error.errno == errno.EIO:  # a terminal whose other side is closed
                return b""
            raise


async def write(descriptor: int, data: bytes) -> None:
    """Write all of `data`.

    Raises:
        OSError: nobody reads it any more.
    """
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            await writable(descriptor)


async def readable(descriptor: int) -> None:
    """Wait until there is something to read."""
    loop = asyncio.get_running_loop()
    await _ready(descriptor, loop.add_reader, loop.remove_reader)


async def writable(descriptor: int) -> None:
    """Wait until there is room to write."""
    loop = asyncio.get_running_loop()
    await _ready(descriptor, loop.add_writer, loop.remove_writer)


def resize(descriptor: int, size: tuple[int, int, int, int]) -> None:
    """Give a terminal another size: columns, rows, width and height in pixels."""
    columns, rows, width, height = size
    with contextlib.suppress(OSError):  # its other side is closed
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, width, height))


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _ready(descriptor: int, add: Callable[..., object], remove: Callable[[int], object]) -> None:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(descriptor, _settle, ready)
    try:
        await ready
    finally:
        remove(descriptor)
