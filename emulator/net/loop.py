"""asyncio's own loop, which sleeps in the poll set of the relays: their sockets need no second one beneath its own.

A turn in which only relays have something to do costs one system call and none of the loop's bookkeeping: ping-pong
by one hop costs 36 µs of processor time a turn; with uvloop, which watches their poll set as a descriptor, 41.
"""

import asyncio
import selectors
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context
from typing import Any, TypeVarTuple

from emulator.net.readiness import READ, WRITE, Epoll, Readiness

Ts = TypeVarTuple("Ts")
IS_HERE = sys.platform == "linux"
"""Whether there is such a loop on this system."""


class ChannelLoop(asyncio.SelectorEventLoop):
    """A loop whose relays are called back before it wakes.

    Attributes:
        readiness: what calls them back.
    """

    def __init__(self) -> None:
        self._sleep = _Sleep(self)
        self.readiness = self._sleep.readiness
        super().__init__(self._sleep)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As every loop's; a relay that asks for it ends the sleep."""
        self._sleep.is_disturbed = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As every loop's; a relay that asks for it ends the sleep, which may be too long now."""
        self._sleep.is_disturbed = True
        return super().call_at(when, callback, *args, context=context)

    def stop(self) -> None:
        """As every loop's."""
        self._sleep.is_disturbed = True
        super().stop()


def readiness_here() -> Readiness:
    """What calls relays back in the running loop: the loop's own, or one that it is to watch."""
    loop = asyncio.get_running_loop()
    return loop.readiness if isinstance(loop, ChannelLoop) else Readiness()


class _Sleep(selectors.BaseSelector):
    """What the loop sleeps in.

    Attributes:
        is_disturbed: whether the loop was asked for something since it began to sleep.
    """

    def __init__(self, loop: ChannelLoop) -> None:
        self._poller = Epoll()
        self._keys: dict[int, selectors.SelectorKey] = {}
        self.readiness = Readiness(self._poller, loop)
        self._turn = self.readiness.turn
        self.is_disturbed = False

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch a descriptor of the loop's own."""
        fd = _number(fileobj)
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} (descriptor {fd}) is registered already")
        self._poller.change(fd, 0, events)
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Watch it no more."""
        key = self._keys.pop(self._number(fileobj))
        self._poller.change(key.fd, key.events, 0)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Watch it for other events, or for another."""
        before = self._keys[self._number(fileobj)]
        if events != before.events:
            self._poller.change(before.fd, before.events, events)
        key = self._keys[before.fd] = selectors.SelectorKey(fileobj, before.fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Sleep until something concerns the loop itself; call relays back meanwhile."""
        seconds = None if timeout is None else max(timeout, 0.0)
        until = None if seconds is None else time.monotonic() + seconds
        self.is_disturbed = False
        while True:
            others = self._turn(seconds)
            if others:
                return self._told(others)
            if self.is_disturbed:
                return []
            if until is not None:
                seconds = until - time.monotonic()
                if seconds <= 0:
                    return []

    def _told(self, others: Any) -> list[tuple[selectors.SelectorKey, int]]:
        told = []
        for fd, events in others:
            key = self._keys.get(fd)
            if key is not None:
                mask = (READ if events & self._poller.reads else 0) | (WRITE if events & self._poller.writes else 0)
                told.append((key, mask & key.events))
        return told

    def close(self) -> None:
        """Give its descriptor back."""
        self._poller.close()
        self._keys.clear()

    def get_key(self, fileobj: Any) -> selectors.SelectorKey:
        """What was said when it was registered, by itself or by its descriptor."""
        return self._keys[self._number(fileobj)]

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """What is watched of the loop's own."""
        return _ByFile(self._keys, self.get_key)

    def _number(self, fileobj: Any) -> int:
        """The descriptor; of a file that is closed already, the one that it was registered by."""
        fd = _number(fileobj)
        return fd if fd >= 0 else next((key.fd for key in self._keys.values() if key.fileobj is fileobj), fd)


class _ByFile(Mapping[Any, selectors.SelectorKey]):
    """What is watched, by file or by descriptor: loops from Python 3.12 on look it up so."""

    def __init__(
        self, keys: Mapping[int, selectors.SelectorKey], found: Callable[[Any], selectors.SelectorKey]
    ) -> None:
        self._keys = keys
        self._found = found

    def __getitem__(self, fileobj: Any) -> selectors.SelectorKey:
        return self._found(fileobj)

    def __iter__(self) -> Iterator[int]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


def _number(fileobj: Any) -> int:
    return fileobj if isinstance(fileobj, int) else int(fileobj.fileno())
