"""Answers that were given, for clients that ask again because the answer did not reach them.

A request is known by its owner, its MessageID and what it asks. Output is kept with its command instead
(`shells.Running`).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from emulator.wire.wsman.operations import Request

KEPT = 1024
"""Answers kept; each is about two kilobytes."""


class _Answer:
    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.given: bytes | None = None


class Replay:
    """The last answers of a machine."""

    def __init__(self) -> None:
        self._answers: OrderedDict[tuple[str, ...], _Answer] = OrderedDict()

    async def once(self, owner: str, request: Request, perform: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `perform` answers; a second request with the same ID waits for the first one's answer."""
        key = (owner, request.message_id, request.action, request.shell_id)
        answer = self._answers.setdefault(key, _Answer())
        self._answers.move_to_end(key)
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
        async with answer.turn:
            if answer.given is None:
                answer.given = await perform()
            return answer.given
