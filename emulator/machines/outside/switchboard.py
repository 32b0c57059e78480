"""Answer a guest's connections as whoever decides says: `accept`, `refuse`, or `ignore`, which is silence.

It tells of each new connection (`first`) and is told what becomes of it. One that is accepted has a listener in its
destination's name and a routing rule for just its own packets; then its first packet is received once more. What
was accepted is handed over as a descriptor (`accepted`), and its rule goes when it is told to `forget` it.
"""

import contextlib
import select
import socket
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, cast

from emulator.machines.outside import packets, wiring
from emulator.machines.outside.packets import Key
from emulator.machines.outside.rtnetlink import Match
from emulator.machines.outside.wiring import TABLE, Line
from emulator.machines.outside.wish import Wish
from emulator.machines.sandbox import messages
from emulator.machines.sandbox.messages import Message

MOST_PENDING = 256
"""Connections that wait for a decision; of more the oldest is forgotten, until its guest sends its packet again."""


class Switchboard:
    """Serves one guest; `outlet` leads to whoever decides."""

    def __init__(self, line: Line, outlet: socket.socket) -> None:
        self._line = line
        self._outlet = outlet
        self._pending: dict[Key, bytes] = {}
        self._open: set[Key] = set()
        self._awaited: set[Key] = set()
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._poll = select.poll()
        self._ready: dict[int, Callable[[], bool]] = {}

    def run(self, until: int | None = None) -> None:
        """Serve until a descriptor has something to read, or until nobody decides any more."""
        if until is not None:
            self._watch(until, lambda: False)
        self._watch(self._line.seen.fileno(), self._see)
        self._watch(self._outlet.fileno(), self._hear)
        for address, resolver in self._line.resolvers.items():
            messages.send(self._outlet, {"resolver": address}, (resolver.fileno(),))
        messages.send(self._outlet, {"ready": True})
        while all(self._ready[descriptor]() for descriptor, _ in self._poll.poll() if descriptor in self._ready):
            pass

    def _watch(self, descriptor: int, ready: Callable[[], bool]) -> None:
        self._ready[descriptor] = ready
        self._poll.register(descriptor, select.POLLIN)

    def _see(self) -> bool:
        """Tell of a connection's first packet; one that comes again is told of again once it was ignored."""
        packet = self._line.next()
        first = packets.first_of(packet)
        known = first is None or first.key in self._open or first.key in self._pending
        if first is not None and not known:
            with contextlib.suppress(OSError):  # nobody there, which its end says too
                messages.send(self._outlet, {"first": [*astuple(first.key), first.sequence]})
            self._pending[first.key] = packet
            if len(self._pending) > MOST_PENDING:
                del self._pending[next(iter(self._pending))]
        return True

    def _hear(self) -> bool:
        """Do what is said of a connection; false when nobody is there any more."""
        message, descriptors = messages.receive(self._outlet)
        messages.close(descriptors)
        if not message:
            return False
        key = Key(*cast("list[object]", message["key"]))  # type: ignore[arg-type]
        if message["do"] == "forget":
            self._forget(key)
        elif (packet := self._pending.pop(key, None)) is not None:
            self._settle(str(message["do"]), key, packet)
        return True

    def _settle(self, what: str, key: Key, packet: bytes) -> None:
        first = packets.first_of(packet)
        try:
            if what == "accept":
                self._accept(key, packet)
            elif what == "refuse" and first is not None:
                self._line.answer(packets.refusal(first))
        except OSError as error:
            self._forget(key)
            messages.send(self._outlet, {"failed": list(astuple(key)), "why": str(error.strerror)})

    def _accept(self, key: Key, packet: bytes) -> None:
        place = key.address, key.port
        if place not in self._listeners:
            self._listeners[place] = wiring.listener(*place)
            self._watch(self._listeners[place].fileno(), lambda: self._take(place))
        self._open.add(key)
        self._awaited.add(key)
        self._line.netlink.add_rule(_match(key), TABLE)
        self._line.again(packets.completed(packet))

    def _take(self, place: tuple[str, int]) -> bool:
        """Hand a connection over; one that was not asked for (its rule had outlived another) is closed."""
        with contextlib.suppress(OSError):  # gone already
            connection, (source, source_port) = self._listeners[place].accept()
            with connection:
                key = Key(source, source_port, *place)
                if key in self._awaited:
                    self._awaited.discard(key)
                    messages.send(self._outlet, {"accepted": list(astuple(key))}, (connection.fileno(),))
        return True

    def _forget(self, key: Key) -> None:
        if key not in self._open:
            return
        self._open.discard(key)
        self._awaited.discard(key)
        with contextlib.suppress(OSError):
            self._line.netlink.remove_rule(_match(key), TABLE)
        place = key.address, key.port
        if not any((each.address, each.port) == place for each in self._open):
            listener = self._listeners.pop(place)
            self._poll.unregister(listener)
            del self._ready[listener.fileno()]
            listener.close()


def _match(key: Key) -> Match:
    return Match(socket.IPPROTO_TCP, key.address, key.port, key.source, key.source_port)


def wish_of(settings: Message) -> Wish | None:
    """The network that a guest's settings wish for; None for none."""
    wish = cast("dict[str, Any]", settings.get("network") or {})
    return Wish(**{**wish, "resolvers": tuple(wish["resolvers"])}) if wish else None
