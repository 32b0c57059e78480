"""Control's end of the connections from its hops: who may join, what they are told, what they say."""

import asyncio
import contextlib
import re
import socket
from dataclasses import replace

from aiohttp import WSMsgType, web

from emulator.app.fleet.messages import MAX_MESSAGE_BYTES, Happened, Hello, Logged, Report, decode, encode
from emulator.app.fleet.registry import Joined, Registry, hop_name
from emulator.clock import wall_time
from emulator.errors import PeerError
from emulator.machines.child import event_from_json
from emulator.net.traffic import Tell
from emulator.observe import Observation, Observer
from emulator.wire import flow_log

PATH = "/emulator/hops"
HEARTBEAT = 2.0
"""Real seconds between the pings by which a hop that vanished is noticed."""
NAMING = 2.0
"""Real seconds for the engine to say whose address one is."""


class HopServer:
    """Speaks with every hop; `route` belongs into the control API, whose guard asks for the token.

    `hops_network` is control's own name on the network of the hops, where nobody else is; see `admits`.
    """

    def __init__(
        self, registry: Registry, observer: Observer, hops_network: str = "", log: Tell | None = None
    ) -> None:
        self._hops_network = hops_network
        self._registry = registry
        self._observer = observer
        self._log = log
        self._open: set[web.WebSocketResponse] = set()

    async def admits(self, request: web.Request) -> bool:
        """Whether a hop may join without the token: it reached control at its address on the hops' own network."""
        at = request.transport.get_extra_info("sockname") if request.transport else None
        return request.path == PATH and at is not None and at[0] in await _own_addresses(self._hops_network)

    def route(self) -> web.RouteDef:
        """The web socket that hops dial."""
        return web.get(PATH, self.serve)

    async def close(self) -> None:
        """End every connection: hops then play on with the last world, and dial again."""
        for each in tuple(self._open):
            await each.close()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve one hop until its connection ends."""
        connection = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_MESSAGE_BYTES)
        await connection.prepare(request)
        self._open.add(connection)
        try:
            await self._converse(connection, request.remote or "")
        except* PeerError as group:
            await connection.close(code=1002, message=str(group.exceptions[0]).encode()[:120])
        finally:
            self._open.discard(connection)
        return connection

    async def _converse(self, connection: web.WebSocketResponse, address: str) -> None:
        first = await connection.receive()
        hello = decode(first.data) if first.type is WSMsgType.TEXT else None
        if not isinstance(hello, Hello):
            raise PeerError("the first message of a hop is its hello")
        joined = self._registry.joins(replace(hello, place=hello.place or await _number(hello.role, address)))
        self._note("HopJoined", joined, f"{hop_name(joined)} joined from {hello.address}")
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(connection, joined))
                try:
                    await self._listen(connection, joined)
                finally:
                    telling.cancel()
        finally:
            if self._registry.leaves(joined, asyncio.get_running_loop().time()):
                self._note("HopLeft", joined, f"{hop_name(joined)} is not heard any more")

    async def _tell(self, connection: web.WebSocketResponse, joined: Joined) -> None:
        """Send the scenery, and each change of it, as long as the hop listens."""
        with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: aiohttp's word for a closing connection
            while True:
                changed = self._registry.changed
                await connection.send_str(encode(self._registry.scenery(joined)))
                await changed.wait()

    async def _listen(self, connection: web.WebSocketResponse, joined: Joined) -> None:
        async for message in connection:
            if message.type is not WSMsgType.TEXT:
                continue
            said = decode(message.data)
            if isinstance(said, Report):
                self._registry.reports(joined, said)
            elif isinstance(said, Happened):
                self._happened(said)
            elif isinstance(said, Logged) and self._log is not None:
                self._log(flow_log.from_json(said.flow))
            elif isinstance(said, Hello):
                self._registry.moves(joined, said)
                self._note("HopMoved", joined, f"{hop_name(joined)} is at {said.address} now")

    def _happened(self, said: Happened) -> None:
        event = event_from_json(said.event)
        if event is not None:
            self._observer(event)

    def _note(self, event: str, joined: Joined, sentence: str) -> None:
        self._observer(Observation(wall_time(), event, hop_name(joined), sentence, {"address": joined.hello.address}))


async def _own_addresses(name: str) -> frozenset[str]:
    """The addresses that a name of this machine has; none where it has no name."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(NAMING):
            found = await asyncio.get_running_loop().getaddrinfo(name, None) if name else ()
        return frozenset(str(address[0]) for *_, address in found)
    return frozenset()


async def _number(role: str, address: str) -> int:
    """The number that the engine gave to the container at an address, as its name says; 0 if it has none."""
    try:
        async with asyncio.timeout(NAMING):
            name, *_ = await asyncio.to_thread(socket.gethostbyaddr, address)
    except (OSError, TimeoutError):
        return 0
    return numbered(role, name)


def numbered(role: str, name: str) -> int:
    """The number in the name of a container of a role, as Compose writes it, or Swarm; else 0."""
    found = re.search(rf"[-_]{role}[-_.](\d+)\.", name)
    return int(found[1]) if found else 0
