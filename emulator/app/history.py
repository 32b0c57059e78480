"""The last events, and a way to follow the next ones without losing or waiting for any."""

import asyncio
import collections
from collections.abc import AsyncIterator

from emulator.control.metrics import Tally
from emulator.observe import Event

KEPT = 10_000
"""Events kept for who asks late; a follower that falls further behind misses the oldest."""


class History:
    """An observer that remembers.

    Attributes:
        tally: counts them all, those too that are not kept any more.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._events: collections.deque[Event] = collections.deque(maxlen=kept)
        self.tally = Tally()
        self._count = 0
        self._ended = False
        self._news: asyncio.Event | None = None  # made by who waits for it: most events have nobody

    def __call__(self, event: Event) -> None:
        self._events.append(event)
        self.tally(event)
        self._count += 1
        self._tell()

    def end(self) -> None:
        """No more will come: followers finish."""
        self._ended = True
        self._tell()

    def all(self) -> tuple[Event, ...]:
        """Every event kept, oldest first."""
        return tuple(self._events)

    async def follow(self) -> AsyncIterator[Event]:
        """Every event kept, then each new one, until the emulator stops."""
        seen = self._count - len(self._events)
        while True:
            missed = min(self._count - seen, len(self._events))
            batch = list(self._events)[-missed:] if missed else []
            seen = self._count
            for event in batch:
                yield event
            if not batch and self._ended:
                return
            if seen == self._count and not self._ended:
                if self._news is None:
                    self._news = asyncio.Event()
                await self._news.wait()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.set()
            self._news = None
