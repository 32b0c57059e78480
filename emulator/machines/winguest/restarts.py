"""Restarts of the machine: asked for, waited for, cancelled; what happens then is the listener's."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Complaint:
    """Why `shutdown` did nothing: Windows' error code and sentence."""

    code: int
    sentence: str


IN_PROGRESS = Complaint(1115, "A system shutdown is in progress.")
SCHEDULED = Complaint(1190, "A system shutdown has already been scheduled.")
NOT_SCHEDULED = Complaint(1116, "Unable to abort the system shutdown because no shutdown was in progress.")
LEAST_DELAY = 0.3
"""Seconds until the machine goes down at the earliest, so that the command that asked can still answer."""


class Restarts:
    """The machine's next restart; `go_down` begins it, once."""

    def __init__(self, go_down: Callable[[], None]) -> None:
        self._go_down = go_down
        self._scheduled: asyncio.TimerHandle | None = None
        self.is_under_way = False

    def ask(self, seconds: float) -> Complaint | None:
        """Restart after so many seconds; None where that is to happen."""
        if self.is_under_way:
            return IN_PROGRESS
        if self._scheduled is not None:
            return SCHEDULED
        self._scheduled = asyncio.get_running_loop().call_later(max(seconds, LEAST_DELAY), self._begin)
        if seconds == 0:
            self.is_under_way = True
        return None

    def cancel(self) -> Complaint | None:
        """Do not restart after all."""
        if self.is_under_way:
            return IN_PROGRESS
        if self._scheduled is None:
            return NOT_SCHEDULED
        self._scheduled.cancel()
        self._scheduled = None
        return None

    def _begin(self) -> None:
        self._scheduled = None
        self.is_under_way = True
        self._go_down()

    def is_up_again(self) -> None:
        """The machine has started."""
        self.is_under_way = False

    def close(self) -> None:
        """The machine stops for good."""
        if self._scheduled is not None:
            self._scheduled.cancel()
            self._scheduled = None
