"""Which sockets of the relays are ready, by a poll set of their own.

A relay begins and ends to watch two sockets for each connection. uvloop makes a handle of each watch, which costs a
dozen system calls; epoll takes one. It is level-triggered: what a callback leaves is told again in the next turn.
A loop of ours (`emulator.net.loop`) sleeps in this poll set; any other watches it as one descriptor.
"""

import asyncio
import contextlib
import select
import selectors
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from emulator.net.batch import Batch

Callback = Callable[[], None]
READ, WRITE = 1, 2
AT_ONCE = 128
"""Events that one turn of the loop takes."""


class Watching(Protocol):
    """A descriptor's owner.

    Attributes:
        on_read: called while there is something to read: bytes, an end or an error; None where nobody asks.
        on_write: called while it takes bytes, or never will again; None where nobody asks.
    """

    on_read: Callback | None
    on_write: Callback | None


class Poller(Protocol):
    """Tells which descriptors are ready, of READ and WRITE.

    Attributes:
        reads, writes: masks of what it tells that concerns who reads, and who writes.
    """

    reads: int
    writes: int

    def fileno(self) -> int:
        """A descriptor of its own, readable while others are ready."""

    def change(self, fd: int, before: int, after: int) -> None:
        """Watch a descriptor for other events than before; none ends it."""

    def poll(self, seconds: float | None, most: int) -> Sequence[tuple[int, int]]:
        """The descriptors that are ready, and for what, within so many real seconds; None waits for ever."""

    def close(self) -> None:
        """Give its own descriptor back."""


class Epoll:
    """Linux's. It tells an error and a hang-up to who reads and to who writes."""

    reads = ~select.EPOLLOUT if hasattr(select, "epoll") else 0
    writes = ~select.EPOLLIN if hasattr(select, "epoll") else 0

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.poll = self._epoll.poll
        self._bits = (0, select.EPOLLIN, select.EPOLLOUT, select.EPOLLIN | select.EPOLLOUT)

    def fileno(self) -> int:
        """A descriptor of its own, readable while others are ready."""
        return self._epoll.fileno()

    def change(self, fd: int, before: int, after: int) -> None:
        """Watch a descriptor for other events than before; none ends it."""
        if not after:
            with contextlib.suppress(OSError):  # closed already, and so forgotten
                self._epoll.unregister(fd)
        elif before:
            self._epoll.modify(fd, self._bits[after])
        else:
            self._epoll.register(fd, self._bits[after])

    def close(self) -> None:
        """Give its own descriptor back."""
        self._epoll.close()


class Selector:
    """What another system has."""

    reads, writes = READ, WRITE

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def fileno(self) -> int:
        """A descriptor of its own, readable while others are ready."""
        return self._selector.fileno()

    def change(self, fd: int, before: int, after: int) -> None:
        """Watch a descriptor for other events than before; none ends it."""
        if not after:
            with contextlib.suppress(OSError, KeyError):
                self._selector.unregister(fd)
        elif before:
            self._selector.modify(fd, after)
        else:
            self._selector.register(fd, after)

    def poll(self, seconds: float | None, most: int) -> Sequence[tuple[int, int]]:
        """The descriptors that are ready, and for what, within so many real seconds; None waits for ever."""
        return [(key.fd, events) for key, events in self._selector.select(seconds)[:most]]

    def close(self) -> None:
        """Give its own descriptor back."""
        self._selector.close()


class Readiness:
    """Calls the owners of ready descriptors back, in the loop that runs when the first is watched.

    Attributes:
        now: loop time at which it began to call back.
        batch: small messages that have come in this turn.
        poller: the poll set.
    """

    def __init__(self, poller: Poller | None = None, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """`loop`: one that takes turns of its own accord, by `turn`."""
        self.now = 0.0
        self.batch = Batch(AT_ONCE)
        self.poller = poller or (Epoll() if hasattr(select, "epoll") else Selector())
        self._loop = loop
        self._time = time.monotonic
        self._is_nested = loop is None
        self._owners: dict[int, tuple[Watching, int]] = {}

    def watch(self, fd: int, owner: Watching) -> None:
        """Call its owner back for what it asks for now; where it asks for nothing, no more.

        An owner ends it before it closes the descriptor, whose number another may have then.
        """
        before = self._owners.get(fd, (owner, 0))[1]
        after = (READ if owner.on_read else 0) | (WRITE if owner.on_write else 0)
        if after == before:
            return
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._time = self._loop.time
            self._loop.add_reader(self.poller.fileno(), self.turn)
        self.poller.change(fd, before, after)
        if after:
            self._owners[fd] = owner, after
        else:
            del self._owners[fd]

    def turn(self, seconds: float | None = 0) -> Sequence[tuple[int, int]]:
        """Wait so long for descriptors, and call back those who own them; returns those that no relay owns.

        A callback that fails is told to the loop's exception handler, and the others are called.
        """
        ready = self.poller.poll(seconds, AT_ONCE)
        self.now = self._time()
        self.batch.is_single = len(ready) == 1
        owners, reads, writes = self._owners, self.poller.reads, self.poller.writes
        others = []
        for fd, events in ready:
            watched = owners.get(fd)
            if watched is None:  # or it was a relay's, which was called before it ended this
                others.append((fd, events))
                continue
            owner = watched[0]
            try:
                if events & reads and owner.on_read:
                    owner.on_read()
                if events & writes and owner.on_write:
                    owner.on_write()
            except Exception as error:  # noqa: BLE001 - as a loop does with a callback's
                self._tell(error)
        for each in self.batch.emptied() if self.batch.holders else ():
            try:
                each.deliver()
            except Exception as error:  # noqa: BLE001 - likewise
                self._tell(error)
        return others

    def _tell(self, error: Exception) -> None:
        if self._loop is None:
            raise error
        self._loop.call_exception_handler({"message": "a relay's callback failed", "exception": error})

    def close(self) -> None:
        """Call back no more. Idempotent."""
        if not self._is_nested:
            return  # the loop goes on
        if self._loop is not None:
            self._loop.remove_reader(self.poller.fileno())
            self._loop = None
        self.poller.close()
