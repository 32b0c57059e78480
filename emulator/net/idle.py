"""Notice that a relayed flow has been silent for its limit.

A TCP keepalive is a packet, and Azure counts it as activity; our kernel answers it and tells nobody. But it counts:
`tcpi_segs_in` rises. That says that a packet came, not when, so it is sampled; and it rises with the ACK of what
we sent ourselves, so the first sample after bytes have moved is taken when that ACK is in.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from emulator.clock import Clock
from emulator.net.relay import Relay
from emulator.rules.idle import IdleLimit

SAMPLES = 16
"""Looks within one limit: a keepalive is taken to be at most a sixteenth of it late."""
LATEST_ACK = 0.25
"""Real seconds after which the kernel's delayed ACK is in (at most 200 ms, Linux's TCP_DELACK_MAX)."""

Limit = Callable[[], IdleLimit | None]
Expire = Callable[[IdleLimit], None]


class IdleTimer:
    """Calls `expire` once for a relay that is silent for its limit; that is asked for anew at each look."""

    __slots__ = (
        "_clock",
        "_expire",
        "_heard",
        "_limit",
        "_moved",
        "_next",
        "_relay",
        "_segments",
        "_settled",
    )

    def __init__(self, relay: Relay, clock: Clock, limit: Limit, expire: Expire) -> None:
        self._expire = expire
        self._relay = relay
        self._clock = clock
        self._limit = limit
        self._moved = self._heard = relay.last_activity
        self._segments = 0
        self._settled = False
        self._next: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        limit = self._limit()
        if limit is not None:
            self._look_in(self._clock.real(limit.seconds) / SAMPLES)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            self._next.cancel()

    def _look_in(self, seconds: float) -> None:
        self._next = self._relay.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        limit, now = self._limit(), self._relay.loop.time()
        if limit is None or self._relay.is_over:
            return
        allowed = self._clock.real(limit.seconds)
        settling = min(LATEST_ACK, allowed / SAMPLES)
        self._sample(now, settling)
        left = self._heard + allowed - now
        if left <= 0:
            self._expire(limit)
            return
        until_settled = left if self._settled else max(self._moved + settling - now, 0.001)
        self._look_in(min(left, allowed / SAMPLES, until_settled))

    def _sample(self, now: float, settling: float) -> None:
        """Bring what was heard last up to now."""
        moved, segments = self._relay.last_activity, self._relay.segments_in()
        if moved != self._moved or not self._settled:
            self._moved = self._heard = moved
            self._settled = now - moved >= settling
        elif segments != self._segments:
            self._heard = now
        self._segments = segments
