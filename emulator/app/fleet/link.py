"""A hop's end of its connection to control: dial, follow, and go on without it when it is away."""

import asyncio
import collections
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import aiohttp

from emulator.app.fleet.messages import (
    MAX_MESSAGE_BYTES,
    Happened,
    Hello,
    Logged,
    Message,
    Report,
    Scenery,
    decode,
    encode,
    place_of,
)
from emulator.app.fleet.server import HEARTBEAT, PATH
from emulator.errors import PeerError, UnavailableError
from emulator.observe import Event, as_json
from emulator.wire.flow_log import Tuple

BACKOFF = (0.1, 0.2, 0.5, 1.0)
"""Real seconds before each further try to reach control; the last one again and again."""
KEPT = 10_000
"""Events kept while control is away; of more the oldest are lost."""


@dataclass(slots=True)
class Link:
    """What a hop hears of control and tells it.

    Attributes:
        scenery: the last that control said; None before the first.
        news: set, and replaced, with each scenery.
        connected: whether control is there now.
        refusal: why the last try to reach control failed.
    """

    url: str
    token: str
    hello: Hello
    scenery: Scenery | None = None
    connected: bool = False
    refusal: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    _report: Report = field(default_factory=lambda: Report("down"))
    _events: collections.deque[Event | Tuple] = field(default_factory=lambda: collections.deque(maxlen=KEPT))
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def observe(self, event: Event) -> None:
        """Take an event for control; an observer."""
        self._events.append(event)
        self._more.set()

    def log(self, found: Tuple) -> None:
        """Take for control what a flow log has of a flow, if it writes any."""
        if self.scenery is not None and self.scenery.flow_logs:
            self._events.append(found)
            self._more.set()

    def report(self, report: Report) -> None:
        """Say how the hop is."""
        if report != self._report:
            self._report = report
            self._more.set()

    def moved(self, address: str) -> None:
        """Say that the hop is reached at another address."""
        self.hello = replace(self.hello, address=address)
        self._more.set()

    async def first(self) -> Scenery:
        """The first scenery, as soon as control says it."""
        while self.scenery is None:
            await self.news.wait()
        return self.scenery

    async def run(self) -> None:
        """Dial control, speak with it, and dial again, for ever."""
        failures = 0
        async with aiohttp.ClientSession() as session:
            while True:
                self.connected = False
                try:
                    await self._speak(session)
                except* (aiohttp.ClientError, OSError, TimeoutError, PeerError) as group:
                    self.refusal = _said(group)
                    failures += 1
                else:
                    failures = 0
                await asyncio.sleep(BACKOFF[min(failures, len(BACKOFF) - 1)])

    async def _speak(self, session: aiohttp.ClientSession) -> None:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        options: dict[str, Any] = {"heartbeat": HEARTBEAT, "max_msg_size": MAX_MESSAGE_BYTES, "headers": headers}
        async with session.ws_connect(self.url + PATH, **options) as connection:
            hello = self.hello
            await connection.send_str(encode(hello))
            self.connected = True
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(connection, hello))
                try:
                    await self._listen(connection)
                finally:
                    telling.cancel()

    async def _listen(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        async for message in connection:
            if message.type is aiohttp.WSMsgType.TEXT:
                said = decode(message.data)
                if isinstance(said, Scenery):
                    self.scenery = said
                    self.hello = replace(self.hello, place=place_of(said.hop), key=said.key)
                    self.news.set()
                    self.news = asyncio.Event()

    async def _tell(self, connection: aiohttp.ClientWebSocketResponse, hello: Hello) -> None:
        """Send the report as it is now, then each change of it, of where the hop is, and each event."""
        sent: Report | None = None
        while True:
            self._more.clear()
            if hello.address != self.hello.address:
                hello = self.hello
                await _send(connection, hello)
            if sent != self._report:
                sent = self._report
                await _send(connection, sent)
            while self._events:
                await _send(connection, _message(self._events[0]))
                self._events.popleft()  # only once it is sent: what was not is kept for the next connection
            await self._more.wait()


def _said(group: BaseExceptionGroup[Exception]) -> str:
    """The first of some failures, in a few words."""
    first = next(iter(group.exceptions))
    while isinstance(first, BaseExceptionGroup):
        first = next(iter(first.exceptions))
    refused = isinstance(first, aiohttp.WSServerHandshakeError) and first.status == HTTPStatus.UNAUTHORIZED
    return "it asks for another token; AIB_EMULATOR_TOKEN names its own" if refused else str(first)


def _message(news: Event | Tuple) -> Happened | Logged:
    return Logged(dataclasses.asdict(news)) if isinstance(news, Tuple) else Happened(as_json(news))


async def _send(connection: aiohttp.ClientWebSocketResponse, message: Message) -> None:
    try:
        await connection.send_str(encode(message))
    except RuntimeError as error:  # aiohttp's word for a connection that is closing
        raise PeerError(f"control is gone: {error}") from None


@contextlib.asynccontextmanager
async def linked(link: Link, *, patience: float) -> AsyncIterator[Scenery]:
    """Follow control until the body ends; yields its first word.

    Raises:
        UnavailableError: it said nothing within `patience` real seconds.
    """
    scenery: Scenery | None = None
    async with asyncio.TaskGroup() as group:
        following = group.create_task(link.run())
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    scenery = await link.first()
            if scenery is not None:
                yield scenery
        finally:
            following.cancel()
    if scenery is None:
        raise UnavailableError(f"control at {link.url} did not answer within {patience:g} s: {link.refusal}")
