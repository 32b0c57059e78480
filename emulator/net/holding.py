"""Hold a connection that should not have been answered: read nothing, say nothing, notice when its client leaves."""

import asyncio
import select
import socket

PATIENCE = 1.0
"""Real seconds between looks at a held connection, where the system cannot tell a FIN from data (no epoll), and
between two tries for a descriptor."""


async def until_gone(connection: socket.socket) -> None:
    """Wait until the other end has sent FIN or RST, leaving its bytes unread."""
    if hasattr(select, "epoll"):
        await _reported(connection, select.EPOLLRDHUP)
    else:
        await _drained(connection)


async def left_within(connection: socket.socket, seconds: float) -> bool:
    """Whether the other end leaves within so many real seconds."""
    try:
        async with asyncio.timeout(seconds):
            await until_gone(connection)
    except TimeoutError:
        return False
    return True


async def until_reset(connection: socket.socket) -> None:
    """Wait until the other end has sent RST, whether or not it sent FIN; for ever where there is no epoll."""
    if not hasattr(select, "epoll"):
        await asyncio.get_running_loop().create_future()
    await _reported(connection, 0)  # an error is reported unasked


async def _reported(connection: socket.socket, events: int) -> None:
    """Ask a descriptor of epoll for the hang-up alone: asked for input, it would report unread bytes for ever."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    with await _watcher() as watcher:
        watcher.register(connection, events)
        loop.add_reader(watcher.fileno(), gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(watcher.fileno())


async def _watcher() -> "select.epoll":
    """A descriptor of epoll, as soon as there is one for it: a held connection can wait."""
    while True:
        try:
            return select.epoll(1)
        except OSError:
            await asyncio.sleep(PATIENCE)


async def _drained(connection: socket.socket) -> None:
    """Without epoll only reading shows the end; what is read is thrown away, in gulps so rare that TCP slows down."""
    loop = asyncio.get_running_loop()
    try:
        while True:
            if not await loop.sock_recv(connection, 4096):
                return
            await asyncio.sleep(PATIENCE)
    except OSError:  # reset: gone as well
        return
