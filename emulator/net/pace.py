"""A bandwidth that several connections share: what is over it waits."""

import asyncio

SLACK = 0.02
"""Real seconds' worth of bytes that may go at once: a callback that waits less costs more than it saves."""


class Pace:
    """Bytes a real second, for all who spend from it."""

    __slots__ = ("_free_at", "_rate")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0

    def spend(self, count: int) -> None:
        """Bytes were sent."""
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + count / self._rate

    def wait(self) -> float:
        """Real seconds until more may be sent; 0 for now."""
        over = self._free_at - asyncio.get_running_loop().time()
        return over if over > SLACK else 0.0
