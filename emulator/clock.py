"""One clock for every timer the emulator owns, so that emulated minutes can pass in seconds.

`time_scale: 60` makes the balancer's four idle minutes last four real seconds. Decisions never read a clock;
they are given times in emulated seconds.
"""

import asyncio
import datetime
import functools
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Emulated time; `scale` emulated seconds pass in one real second."""

    scale: float = 1.0

    def now(self) -> float:
        """Emulated seconds since an arbitrary start; monotonic. Needs a running loop."""
        return asyncio.get_running_loop().time() * self.scale

    def real(self, seconds: float) -> float:
        """How many real seconds `seconds` emulated ones take."""
        return seconds / self.scale

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` emulated seconds."""
        await asyncio.sleep(self.real(seconds))

    def timeout(self, seconds: float) -> asyncio.Timeout:
        """Like `asyncio.timeout`, in emulated seconds."""
        return asyncio.timeout(self.real(seconds))


def wall_time() -> str:
    """The time of day for records: UTC, ISO 8601, milliseconds."""
    second, part = divmod(time.time(), 1)
    return f"{_second(int(second))}.{int(part * 1000):03}Z"


@functools.lru_cache(maxsize=2)
def _second(since_epoch: int) -> str:
    """Many records are made within one."""
    return datetime.datetime.fromtimestamp(since_epoch, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
