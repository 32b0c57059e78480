"""Ask whether a place is reached, for a guest that is played and opens no connection itself."""

import asyncio
import contextlib
import itertools
import socket
from dataclasses import dataclass
from typing import Literal, cast, get_args

from emulator.machines.sandbox import messages

Answer = Literal["connected", "refused", "silent", "unknown"]
SILENCE = 21.0
"""Real seconds in which Windows sends a connection's first packet three times, and gives up."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How a connection to a place went, and the place's address; `unknown` where its name has none."""

    answer: Answer
    address: str = ""


async def by_itself(host: str, port: int, silence: float = SILENCE) -> Reached:
    """How a connection goes by this machine's own network, which in a container of ours is the build VM's."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return Reached("unknown")
    address = str(found[0][4][0])
    with socket.socket() as connection:
        connection.setblocking(False)
        try:
            async with asyncio.timeout(silence):
                await loop.sock_connect(connection, (address, port))
        except ConnectionRefusedError:
            return Reached("refused", address)
        except OSError:  # TimeoutError is one
            return Reached("silent", address)
    return Reached("connected", address)


class Reach:
    """Asks whoever decides, through a socket to them."""

    def __init__(self, outlet: socket.socket, silence: float = SILENCE) -> None:
        outlet.setblocking(False)
        self._outlet = outlet
        self._silence = silence
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reached]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(outlet.fileno(), self._hear)

    def close(self) -> None:
        """Ask no more; who waits for an answer hears nothing. Idempotent."""
        if self._outlet.fileno() >= 0:
            self._loop.remove_reader(self._outlet.fileno())
            self._outlet.close()

    async def ask(self, host: str, port: int) -> Reached:
        """How a connection to a port of a host goes; silence takes as long as Windows takes to believe it."""
        number = next(self._numbers)
        waiting: asyncio.Future[Reached] = self._loop.create_future()
        self._waiting[number] = waiting
        try:
            with contextlib.suppress(OSError):  # nobody there: silence
                messages.send(self._outlet, {"connect": number, "host": host, "port": port})
            await asyncio.wait({waiting}, timeout=self._silence)
            found = waiting.result() if waiting.done() else Reached("silent")
        finally:
            del self._waiting[number]
        if found.answer == "silent" and waiting.done():
            await asyncio.sleep(self._silence)
        return found

    def _hear(self) -> None:
        try:
            message, descriptors = messages.receive(self._outlet)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            message, descriptors = {}, []
        messages.close(descriptors)
        if not message:
            self.close()
            return
        waiting = self._waiting.get(cast("int", message.get("reached")))
        if waiting is not None and not waiting.done() and message.get("answer") in get_args(Answer):
            waiting.set_result(Reached(cast("Answer", message["answer"]), str(message.get("address", ""))))
