"""The runspaces of a pool: sessions with variables of their own, of which each pipeline takes one.

As Windows' pool does it, the one that was given back last is taken first, a new one is made only when none is idle,
and whoever finds as many busy as the pool may have waits for his turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

Runspace = TypeVar("Runspace")


class Runspaces(Generic[Runspace]):
    """At most `most` of them."""

    def __init__(self, make: Callable[[], Runspace], most: int = 1) -> None:
        self._make = make
        self._most = most
        self._idle: list[Runspace] = []
        self._busy = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._last: Runspace | None = None

    @property
    def available(self) -> int:
        """How many pipelines could start now."""
        return max(self._most - self._busy, 0)

    @property
    def last(self) -> Runspace:
        """The one that was taken last; a nested pipeline runs where its outer one does."""
        if self._last is None:
            self._last = self._make()
            self._idle.append(self._last)
        return self._last

    def allow(self, most: int) -> None:
        """Change how many there may be; those above it end when they are given back."""
        self._most = most
        del self._idle[: max(len(self._idle) + self._busy - most, 0)]
        self._wake()

    def forget(self) -> bool:
        """Begin afresh, unless one is busy; whether that was so."""
        if self._busy:
            return False
        self._idle.clear()
        self._last = None
        return True

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Runspace]:
        """A runspace for the block; those who wait get theirs in the order in which they came."""
        await self._turn()
        runspace = self._last = self._idle.pop() if self._idle else self._make()
        try:
            yield runspace
        finally:
            self._busy -= 1
            if len(self._idle) + self._busy < self._most:
                self._idle.append(runspace)
            self._wake()

    async def _turn(self) -> None:
        if self._busy < self._most and not self._waiting:
            self._busy += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The turn had come just then; it is the next one's.
                self._busy -= 1
            self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and (self._waiting[0].done() or self._busy < self._most):
            turn = self._waiting.popleft()
            if not turn.done():
                self._busy += 1
                turn.set_result(None)
