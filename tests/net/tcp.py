"""Pairs of connected TCP sockets, and what a test does with them."""

import asyncio
import contextlib
import os
import resource
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

Pair = tuple[socket.socket, socket.socket]


@contextlib.contextmanager
def pair(*, buffer_bytes: int | None = None) -> Iterator[Pair]:
    """Two ends of one TCP connection over loopback, non-blocking, closed afterwards."""
    with socket.socket() as listening, socket.socket() as dialled:
        for each in (listening, dialled):
            if buffer_bytes is not None:
                each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
                each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer_bytes)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        dialled.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            accepted.setblocking(False)
            dialled.setblocking(False)
            yield dialled, accepted


def reset(connection: socket.socket) -> None:
    """Close with RST."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


async def received(connection: socket.socket) -> tuple[bytes, bool]:
    """Everything up to the end of input, and whether that was a FIN (else a reset)."""
    loop = asyncio.get_running_loop()
    chunks = []
    try:
        while chunk := await loop.sock_recv(connection, 1 << 18):
            chunks.append(chunk)
    except OSError:
        return b"".join(chunks), False
    return b"".join(chunks), True


async def exactly(connection: socket.socket, count: int) -> bytes:
    """The next `count` bytes."""
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < count:
        chunk = await loop.sock_recv(connection, count - len(data))
        assert chunk, "the connection ended early"
        data += chunk
    return data


@contextlib.contextmanager
def no_descriptor_left() -> Iterator[None]:
    """This process may open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Path(os.devnull).open("rb") as highest:
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest.fileno(), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
