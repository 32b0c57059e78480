"""Speak with a guest's switchboard: hear of its connections and questions, and say what becomes of them."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable, Coroutine, Iterator
from ipaddress import IPv4Address
from typing import Any

from emulator.app.outbound.names import address_of, answered
from emulator.app.outbound.outgoing import Attempt, Outgoing
from emulator.errors import PeerError
from emulator.machines.sandbox import messages
from emulator.machines.sandbox.messages import LostDescriptorsError, Message
from emulator.model.flow import Flow, Protocol
from emulator.model.world import PROBE_SOURCE
from emulator.net.dial import DialFailure
from emulator.reason import Outcome
from emulator.rules.outgoing import resolves
from emulator.wire import dns

HANDING_PATIENCE = 5.0
"""Real seconds for a guest to complete a handshake; it may have given up meanwhile."""
MOST_TASKS = 1024
"""Connections and questions of one guest at once; of more, nobody hears, as where a machine's ports run out."""
DNS_PORT, DNS_BYTES = 53, 1 << 12
EPHEMERAL = 49152
"""The first port of those that Windows takes for its own connections."""
Key = tuple[str, int, str, int]
Of = Callable[[str], Outgoing | None]
"""Whose connections those from an address are; None where nobody's that we know."""


class Outlet:
    """Where the connections are decided on that guests behind one switchboard open.

    Attributes:
        lost: why the guest has no network beyond its loopback; empty where it has one.
        ready: whether the guest's switchboard serves.
        ended: whether it served, and ended by itself, so that the guest's packets meet silence.
    """

    def __init__(self, of: Of, group: asyncio.TaskGroup) -> None:
        self.lost = ""
        self.ready = False
        self.ended = False
        self._of = of
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._control: socket.socket | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._resolvers: list[tuple[socket.socket, IPv4Address]] = []
        self._changed = asyncio.Event()
        self._handed: dict[Key, asyncio.Future[socket.socket | str]] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[socket.socket]:
        """Serve one guest until the body ends, which has the socket for its switchboard."""
        ours, theirs = messages.pair()
        ours.setblocking(False)
        self._control, self.lost, self.ready, self.ended = ours, "", False, False
        self._changed.clear()
        self._loop.add_reader(ours.fileno(), self._hear)
        with theirs:
            try:
                yield theirs
            finally:
                self.close()

    async def settled(self) -> None:
        """Wait until its switchboard serves, or says why not, or has ended."""
        await self._changed.wait()
        if not self.ready and not self.lost:
            self.lost = "its switchboard ended"

    def close(self) -> None:
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
        self._changed.set()

    def _hear(self) -> None:
        if self._control is None:
            return
        try:
            message, descriptors = messages.receive(self._control)
        except (BlockingIOError, LostDescriptorsError):
            return  # a connection that we have no descriptor for is lost, and only that
        except (OSError, ValueError):
            message, descriptors = {}, []
        if not message:
            self._end()
            return
        try:
            self._take(message, descriptors)
        except (OSError, TypeError, ValueError, KeyError, IndexError):
            self._end()  # whoever breaks the protocol has been taken over: have no more to do with it
        finally:
            messages.close(descriptors)

    def _end(self) -> None:
        self.ended = self.ready
        self.close()

    def _take(self, message: Message, descriptors: list[int]) -> None:
        if "first" in message:
            self._first(*message["first"])  # type: ignore[misc]
        elif "accepted" in message or "failed" in message:
            waiting = self._handed.pop(_key(message.get("accepted") or message["failed"]), None)
            given = _taken(descriptors) if descriptors else str(message.get("why"))
            if waiting is not None and not waiting.done():
                waiting.set_result(given)
            elif isinstance(given, socket.socket):
                given.close()
        elif "connect" in message:
            self._begin(self._tested(int(str(message["connect"])), str(message["host"]), _port(message["port"])))
        elif "resolver" in message:
            self._listen(_taken(descriptors), IPv4Address(str(message["resolver"])))
        self.ready = self.ready or "ready" in message
        self.lost = str(message.get("lost", self.lost))
        if self.ready or self.lost:
            self._changed.set()

    def _say(self, what: str, key: Key) -> None:
        if self._control is not None:
            with contextlib.suppress(OSError):  # no room, or nobody there: the guest's packet comes again
                messages.send(self._control, {"do": what, "key": list(key)})

    def _first(self, source: str, source_port: int, address: str, port: int, sequence: int) -> None:
        key, whose = _key((source, source_port, address, port)), self._of(source)
        if whose is None:
            self._say("ignore", key)
            return
        flow = Flow(whose.address or IPv4Address(source), source_port, IPv4Address(address), port)
        if not self._begin(self._serve(whose, flow, key, sequence)):
            self._say("ignore", key)

    def _begin(self, job: Coroutine[Any, Any, None]) -> bool:
        if len(self._tasks) >= MOST_TASKS:
            job.close()
            return False
        task = self._group.create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _serve(self, whose: Outgoing, flow: Flow, key: Key, sequence: int) -> None:
        attempt = whose.attempt(flow, sequence)
        verdict = attempt.path.end().verdict
        if verdict.carried:
            await self._reach(whose, attempt, key)
        elif verdict.outcome is Outcome.REFUSED:
            self._say("refuse", key)
            whose.refuse(attempt, verdict.sentence)
        else:
            self._say("ignore", key)
            whose.drop(attempt)

    async def _reach(self, whose: Outgoing, attempt: Attempt, key: Key) -> None:
        beyond = await whose.beyond(attempt)
        if beyond.lacks:
            self._say("ignore", key)
            said = f"{attempt.path.end().verdict.sentence}, but {beyond.lacks}"
            whose.drop(attempt, why=said, approximated="nothing is dialled")
            return
        target = await whose.dialled(beyond, attempt)
        if isinstance(target, DialFailure):
            self._fail(whose, attempt, key, target)
            return
        with target:
            guest = await self._handed_over(key)
            try:
                if isinstance(guest, socket.socket):
                    await whose.carry(guest, target, attempt)
                elif guest is None:
                    whose.log(attempt)
                else:
                    whose.drop(attempt, why=f"{attempt.which.to} cannot be answered for: {guest}", approximated=guest)
            finally:
                self._say("forget", key)

    def _fail(self, whose: Outgoing, attempt: Attempt, key: Key, failure: DialFailure) -> None:
        """Nobody is reached: an RST is passed on; anything else looks like silence."""
        if failure.kind == "refused":
            self._say("refuse", key)
            whose.refuse(attempt, failure.sentence)
        else:
            self._say("ignore", key)
            whose.drop(attempt, why=failure.sentence)

    async def _tested(self, number: int, host: str, port: int) -> None:
        """Tell a guest that is played how a connection goes, which is closed once it is there."""
        whose = self._of("")
        address = await self._address(whose, host) if whose is not None else None
        answer = "unknown"
        if whose is not None and address is not None:
            source_port = EPHEMERAL + secrets.randbelow(65536 - EPHEMERAL)
            flow = Flow(whose.address or address, source_port, address, port)
            answer = await whose.tested(whose.attempt(flow, number))
        if self._control is not None:
            with contextlib.suppress(OSError):
                messages.send(self._control, {"reached": number, "answer": answer, "address": str(address or "")})

    async def _address(self, whose: Outgoing, host: str) -> IPv4Address | None:
        """The address that a name has for a guest, where the rules let it ask; None where it has none."""
        with contextlib.suppress(ValueError):
            return IPv4Address(host)
        flow = Flow(whose.address or PROBE_SOURCE, EPHEMERAL, PROBE_SOURCE, DNS_PORT, Protocol.UDP)
        attempt = whose.attempt(flow, secrets.randbits(32))
        if not resolves(attempt.path):
            whose.drop(attempt)
            return None
        return await address_of(host.lower().rstrip("."), whose.atlas)

    async def _handed_over(self, key: Key) -> socket.socket | str | None:
        """The guest's connection, answered in its destination's name, or why not; None where it has given up."""
        waiting: asyncio.Future[socket.socket | str] = self._loop.create_future()
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
            message, place = resolver.recvfrom(DNS_BYTES)
            whose = self._of(place[0])
            if whose is not None:
                flow = Flow(whose.address or IPv4Address(place[0]), place[1], address, DNS_PORT, Protocol.UDP)
                self._begin(self._resolve(whose, flow, message, resolver, place))

    async def _resolve(
        self, whose: Outgoing, flow: Flow, message: bytes, resolver: socket.socket, place: tuple[str, int]
    ) -> None:
        """Answer a question, where the rules let it come to the resolver; one that is none is not answered."""
        try:
            asked = dns.question(message)
        except PeerError:
            return
        attempt = whose.attempt(flow, asked.number)
        if not resolves(attempt.path):
            whose.drop(attempt)
            return
        reply = await answered(asked, whose.atlas)
        with contextlib.suppress(OSError):
            resolver.sendto(reply, place)


def _taken(descriptors: list[int]) -> socket.socket:
    """The last descriptor as a socket; one that is none stays in the list.

    Raises:
        OSError: it is none.
        IndexError: there is none.
    """
    found = socket.socket(fileno=descriptors[-1])
    descriptors.pop()
    return found


def _key(value: Any) -> Key:
    source, source_port, address, port = value
    return str(source), _port(source_port), str(address), _port(port)


def _port(value: object) -> int:
    """A port.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, int) or not 0 <= value < 1 << 16:
        raise ValueError(f"{value!r} is no port")
    return value
