"""Speak with a guest's switchboard: hear of its connections and questions, and say what becomes of them."""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Iterator
from ipaddress import IPv4Address
from typing import Any

from emulator.app.outbound.names import answered
from emulator.app.outbound.outgoing import Outgoing
from emulator.errors import PeerError
from emulator.machines.sandbox import messages
from emulator.machines.sandbox.messages import Message
from emulator.model.flow import Flow, Protocol
from emulator.net.dial import DialFailure
from emulator.net.records import Passage
from emulator.rules.legs import Path
from emulator.rules.outgoing import resolves
from emulator.wire import dns

HANDING_PATIENCE = 5.0
"""Real seconds for a guest to complete a handshake; it may have given up meanwhile."""
MOST_TASKS = 1024
"""Connections and questions of one guest at once; of more, nobody hears, as where a machine's ports run out."""
DNS_BYTES = 1 << 12
Key = tuple[int, str, int]


class Outlet:
    """Where one guest's connections are decided on.

    Attributes:
        lost: why the guest has no network beyond its loopback; empty where it has one.
        ready: whether the guest's switchboard serves.
    """

    def __init__(self, outgoing: Outgoing, group: asyncio.TaskGroup) -> None:
        self.lost = ""
        self.ready = False
        self._outgoing = outgoing
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._control: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._resolvers: list[tuple[socket.socket, IPv4Address]] = []
        self._handed: dict[Key, asyncio.Future[socket.socket | None]] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[socket.socket]:
        """Serve one guest until the body ends, which has the socket for its switchboard."""
        ours, theirs = messages.pair()
        ours.setblocking(False)
        self._control, self.lost, self.ready = ours, "", False
        self._loop.add_reader(ours.fileno(), self._hear)
        with theirs:
            try:
                yield theirs
            finally:
                self._close()

    def _close(self) -> None:
        control, self._control = self._control, None
        for task in tuple(self._tasks):
            task.cancel()
        if control is not None:
            self._loop.remove_reader(control.fileno())
            control.close()
        for resolver, _ in self._resolvers:
            self._loop.remove_reader(resolver.fileno())
            resolver.close()
        self._resolvers.clear()
        self.ready = False

    def _hear(self) -> None:
        if self._control is None:
            return
        try:
            message, descriptors = messages.receive(self._control)
        except BlockingIOError:
            return
        except (OSError, ValueError):
            message, descriptors = {}, []
        if not message:
            self._close()
            return
        try:
            self._take(message, descriptors)
        except (TypeError, ValueError, KeyError, IndexError):
            self._close()  # whoever breaks the protocol has been taken over: have no more to do with it
        finally:
            messages.close(descriptors)

    def _take(self, message: Message, descriptors: list[int]) -> None:
        if "first" in message:
            self._first(*message["first"])  # type: ignore[misc]
        elif "accepted" in message or "failed" in message:
            waiting = self._handed.pop(_key(message.get("accepted") or message["failed"]), None)
            given = socket.socket(fileno=descriptors.pop()) if descriptors else None
            if waiting is not None and not waiting.done():
                waiting.set_result(given)
            elif given is not None:
                given.close()
        elif "resolver" in message:
            self._listen(socket.socket(fileno=descriptors.pop()), IPv4Address(str(message["resolver"])))
        self.ready = self.ready or "ready" in message
        self.lost = str(message.get("lost", self.lost))

    def _say(self, what: str, key: Key) -> None:
        if self._control is not None:
            with contextlib.suppress(OSError):  # no room, or nobody there: the guest's packet comes again
                messages.send(self._control, {"do": what, "key": list(key)})

    def _first(self, source_port: int, address: str, port: int, source: str, sequence: int) -> None:
        flow = Flow(IPv4Address(source), source_port, IPv4Address(address), port)
        self._begin(self._serve(flow, (source_port, address, port), sequence))

    def _begin(self, job: Coroutine[Any, Any, None]) -> None:
        if len(self._tasks) >= MOST_TASKS:
            job.close()
            return
        task = self._group.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, flow: Flow, key: Key, sequence: int) -> None:
        path = self._outgoing.decide(flow)
        which = self._outgoing.passage(path, flow)
        verdict = path.end().verdict
        if verdict.carried:
            await self._reach(flow, key, path, which, sequence)
        elif verdict.outcome.value == "refused":
            self._say("refuse", key)
            self._outgoing.refuse(path, which, verdict.sentence)
        else:
            self._say("ignore", key)
            self._outgoing.drop(path, which, sequence)

    async def _reach(self, flow: Flow, key: Key, path: Path, which: Passage, sequence: int) -> None:
        beyond = await self._outgoing.beyond(path, flow)
        if beyond.lacks:
            self._say("ignore", key)
            said = f"{path.end().verdict.sentence}, but {beyond.lacks}"
            self._outgoing.drop(path, which, sequence, why=said, approximated="nothing is dialled")
            return
        target = await self._outgoing.dialled(beyond, which)
        if isinstance(target, DialFailure):
            self._fail(target, key, path, which, sequence)
            return
        with target:
            guest = await self._handed_over(key)
            try:
                if guest is not None:
                    await self._outgoing.carry(guest, target, which, path)
                else:
                    self._outgoing.log_attempt(path, flow)
            finally:
                self._say("forget", key)

    def _fail(self, failure: DialFailure, key: Key, path: Path, which: Passage, sequence: int) -> None:
        """Nobody is reached: an RST is passed on; anything else looks like silence."""
        if failure.kind == "refused":
            self._say("refuse", key)
            self._outgoing.refuse(path, which, failure.sentence)
        else:
            self._say("ignore", key)
            self._outgoing.drop(path, which, sequence, why=failure.sentence)

    async def _handed_over(self, key: Key) -> socket.socket | None:
        """The guest's connection, answered in its destination's name; None where it is not there any more."""
        waiting: asyncio.Future[socket.socket | None] = self._loop.create_future()
        self._handed[key] = waiting
        self._say("accept", key)
        try:
            await asyncio.wait({waiting}, timeout=HANDING_PATIENCE)
            return waiting.result() if waiting.done() else None
        finally:
            self._handed.pop(key, None)

    def _listen(self, resolver: socket.socket, address: IPv4Address) -> None:
        resolver.setblocking(False)
        self._resolvers.append((resolver, address))
        self._loop.add_reader(resolver.fileno(), self._asked, resolver, address)

    def _asked(self, resolver: socket.socket, address: IPv4Address) -> None:
        with contextlib.suppress(OSError):
            message, (host, port) = resolver.recvfrom(DNS_BYTES)
            flow = Flow(IPv4Address(host), port, address, 53, Protocol.UDP)
            self._begin(self._resolve(resolver, message, flow))

    async def _resolve(self, resolver: socket.socket, message: bytes, flow: Flow) -> None:
        """Answer a question, where the rules let it come to the resolver; one that is none is not answered."""
        try:
            asked = dns.question(message)
        except PeerError:
            return
        path = self._outgoing.decide(flow)
        if not resolves(path):
            self._outgoing.drop(path, self._outgoing.passage(path, flow), asked.number)
            return
        reply = await answered(asked, self._outgoing.atlas)
        with contextlib.suppress(OSError):
            resolver.sendto(reply, (str(flow.source), flow.source_port))


def _key(value: Any) -> Key:
    source_port, address, port = value
    return int(source_port), str(address), int(port)
