"""An event loop whose clock jumps: when nothing is ready it goes to the next timer instead of waiting for it.

Real sockets work beside it. A thread or a process on the other end does not: time may jump while its answer is
still in flight.
"""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any


class JumpingSelector(selectors.BaseSelector):
    """Asks the real selector without waiting; where that has nothing, `offset` grows by the time to wait."""

    def __init__(self) -> None:
        self.offset = 0.0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Ready files now; with no timer to jump to, wait for one."""
        ready = self._real.select(None if timeout is None else 0)
        if not ready and timeout:
            self.offset += timeout
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real selector."""
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """As the real selector."""
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """As the real selector."""
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """As the real selector."""
        return self._real.get_map()

    def close(self) -> None:
        """As the real selector."""
        self._real.close()


class JumpingLoop(asyncio.SelectorEventLoop):
    """A selector event loop on jumping time."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """The real monotonic clock and every jump so far."""
        return super().time() + self._jumping.offset
