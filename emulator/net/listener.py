"""Accept connections and own the tasks that serve them."""

import asyncio
import contextlib
import errno
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from functools import partial
from typing import Any

Handler = Callable[[socket.socket], Coroutine[Any, Any, None]]

BACKLOG = 4096
"""Beyond it Linux answers with cookies, and forgets connections whose client waits to be spoken to, as SSH's does."""
AT_ONCE = 8
"""Connections accepted in one turn of the loop, before those that are open have theirs."""
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
EXHAUSTED_PAUSE = 0.1
"""Seconds to leave a listener alone when there is no descriptor left for its next connection (trio's figure)."""


class Listener:
    """A bound socket whose accepted connections are served by tasks of one group.

    It can stop listening (`refuse`: the kernel answers a SYN with RST, the port stays ours) and listen again. A
    handler must turn its peer's `OSError` into an observation and return; anything else it raises ends the group:
    a bug must not look like a network fault.
    """

    def __init__(self, bound: socket.socket, handler: Handler, group: asyncio.TaskGroup) -> None:
        bound.setblocking(False)
        self.socket = bound
        self._handler = handler
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._serving: set[asyncio.Task[None]] = set()
        self._accepting = False
        self._resume: asyncio.TimerHandle | None = None

    @property
    def connections(self) -> int:
        """How many connections are being served."""
        return len(self._serving)

    def listen(self, backlog: int = BACKLOG) -> None:
        """Answer SYNs and accept; calling it again only changes the backlog."""
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what it accepts inherits it
        self.socket.listen(backlog)
        self.resume()

    def resume(self) -> None:
        """Accept what the kernel has queued, now and from now on."""
        if not self._accepting:
            self._loop.add_reader(self.socket.fileno(), self._accept)
            self._accepting = True

    def pause(self) -> None:
        """Leave the accept queue alone; the kernel goes on answering until it is full."""
        if self._resume is not None:
            self._resume.cancel()
            self._resume = None
        if self._accepting:
            self._loop.remove_reader(self.socket.fileno())
            self._accepting = False

    def refuse(self) -> None:
        """Answer each SYN with RST, keeping the port."""
        self.pause()
        # Linux remembers the shutdown of a socket that does not listen: all it accepts later is born shut down.
        if self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _ = self.socket.accept()
            except (BlockingIOError, ConnectionAbortedError, InterruptedError):
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    raise
                self.pause()
                self._resume = self._loop.call_later(EXHAUSTED_PAUSE, self.resume)
                return
            self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        """Serve `connection` in a task of the group; it is closed when the task ends."""
        connection.setblocking(False)
        self.carry(self._handler(connection), connection)

    def carry(self, work: Coroutine[Any, Any, None], *sockets: socket.socket) -> None:
        """Run what serves a connection in a task of the group; its sockets are closed when the task ends."""
        task = self._group.create_task(work)
        self._serving.add(task)
        # Not `finally` in the handler: a task cancelled before its first step never runs it.
        task.add_done_callback(partial(self._served, sockets))

    def _served(self, sockets: Iterable[socket.socket], task: asyncio.Task[None]) -> None:
        self._serving.discard(task)
        for each in sockets:
            each.close()

    async def cut(self) -> None:
        """Cancel what serves connections, and wait until it has ended; go on accepting."""
        serving = set(self._serving)
        for task in serving:
            task.cancel()
        if serving:
            await asyncio.wait(serving)

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Accept no more, let handlers finish for `grace` real seconds, then cancel the rest. Idempotent."""
        self.pause()
        self.socket.close()
        if self._serving and grace:
            await asyncio.wait(self._serving, timeout=grace)
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)


@contextlib.asynccontextmanager
async def listening(handler: Handler, bound: socket.socket, *, grace: float = 0.0) -> AsyncIterator[Listener]:
    """Serve `bound` until the body ends; then accept no more, drain for `grace` seconds, cut the rest."""
    async with asyncio.TaskGroup() as group:
        listener = Listener(bound, handler, group)
        try:
            yield listener
        finally:
            await listener.aclose(grace=grace)


def bind(address: str, port: int) -> socket.socket:
    """A bound TCP socket that does not listen yet; `port` 0 takes a free one.

    Raises:
        OSError: the address is taken or not ours; the caller names the port for the user.
    """
    if port == 0 and sys.platform == "linux":
        # A port that the kernel chose is given away by `refuse`; one that was asked for stays ours. Two sockets may
        # have it as long as neither listens, so nobody can come between.
        with _bind(address, 0) as chosen:
            return _bind(address, chosen.getsockname()[1])
    return _bind(address, port)


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((address, port))
    except BaseException:
        bound.close()
        raise
    return bound
