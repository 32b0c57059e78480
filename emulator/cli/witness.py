"""A client that tries a door and keeps time, and an observer that waits for what the hops record of it."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import dataclass

from emulator.app.channel import Channel
from emulator.observe import Event


@dataclass(frozen=True, slots=True)
class Tried:
    """How one connection went, as its client saw it.

    Attributes:
        connected: whether the handshake was answered.
        heard: what came first; empty for nothing.
        ended: whether the far end closed or reset it.
        seconds: real seconds it took.
        port: the client's own port.
    """

    connected: bool
    heard: bytes
    ended: bool
    seconds: float
    port: int


async def tried(address: tuple[str, int], *, seconds: float) -> Tried:
    """Connect, then listen for the first word; `seconds` in all, real ones."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    connected, heard, ended = False, b"", False
    with contextlib.closing(socket.socket()) as client:
        client.setblocking(False)
        # The refusal and the reset are what a client can see here, and so the answer.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                try:
                    await loop.sock_connect(client, address)
                    connected = True
                    heard = await loop.sock_recv(client, 256)
                    ended = not heard
                except OSError:
                    ended = True
        return Tried(connected, heard, ended, loop.time() - began, _port(client))


def _port(client: socket.socket) -> int:
    try:
        return int(client.getsockname()[1])
    except OSError:
        return 0


async def events(
    channel: Channel, since: int, enough: Callable[[list[Event]], bool], *, seconds: float = 3.0
) -> list[Event]:
    """The events after the first `since`, as soon as they are `enough`, or after `seconds` whatever came."""
    found: list[Event] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            count = 0
            async for event in channel.follow():
                count += 1
                if count > since:
                    found.append(event)
                    if enough(found):
                        break
    return found
