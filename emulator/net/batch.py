"""Small messages that come in one turn of the loop: all are received, then all are sent on.

Each message that is sent wakes its receiver, unless that is awake: with messages sent in a row, it is. 64 connections
that play ping-pong cost 19.1 µs of processor time a turn by one hop so, instead of 20.5, and the ends' time less too.
"""

from collections.abc import Sequence
from typing import Protocol

SCRATCH_BYTES = 1 << 16
"""As much is received at once."""
SMALL_BYTES = 2048
"""What is larger is sent on at once: it keeps its receiver awake for longer than waiting would save."""


class Held(Protocol):
    """Who received a message."""

    def deliver(self) -> None:
        """Send it on."""


class Batch:
    """Where messages are received into, until they are sent on.

    Attributes:
        room: for the next, SCRATCH_BYTES.
        is_single: whether there is but one message in this turn, which may as well be sent on at once.
        holders: who received those that are to be sent on.
    """

    __slots__ = ("_rooms", "holders", "is_single", "room")

    def __init__(self, most: int) -> None:
        """`most`: small messages in one turn."""
        whole = memoryview(bytearray(SCRATCH_BYTES + most * SMALL_BYTES))
        starts = range(0, (most + 1) * SMALL_BYTES, SMALL_BYTES)
        self._rooms = [whole[start : start + SCRATCH_BYTES] for start in starts]
        self.room = self._rooms[0]
        self.is_single = False
        self.holders: list[Held] = []

    def keep(self, holder: Held) -> None:
        """A small message is in the room, and is its holder's until that delivers it, and may receive again."""
        self.holders.append(holder)
        self.room = self._rooms[len(self.holders)]

    def emptied(self) -> Sequence[Held]:
        """Who is to deliver now, before anything else is received."""
        holders, self.holders = self.holders, []
        self.room = self._rooms[0]
        return holders
