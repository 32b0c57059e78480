"""Play a posture at a listener: let in, drop or refuse, by source, changed live.

Drops are made by the kernel: by a socket filter where it allows one, else, for all sources alike, by an accept
queue that our own connection fills. What the kernel cannot do here is approximated at accept, and the gate says so.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Literal

from emulator.net import filters
from emulator.net.attempts import Attempts, Sighting, ignore
from emulator.net.holding import until_gone
from emulator.net.listener import Handler, Listener
from emulator.net.relay import LINGER_RST
from emulator.rules.posture import Answer, Posture

How = Literal["open", "refuse", "filter", "full-queue", "hold"]
Supported = Callable[[], str | None]
FILL_TRIES = 8
"""A client may be faster than our own connection into the accept queue, but hardly this often."""


def plan(possible: frozenset[Answer], *, filtered: bool) -> tuple[How, bool]:
    """How a set of answers is played, and whether that is exact, given whether filters are allowed."""
    if len(possible) == 1:
        alone: dict[Answer, How] = {
            Answer.OPEN: "open",
            Answer.REFUSE: "refuse",
            Answer.DROP: "filter" if filtered else "full-queue",
        }
        return alone[next(iter(possible))], True
    if Answer.OPEN not in possible:  # to drop hides more than to refuse would
        return ("filter" if filtered else "full-queue"), False
    if Answer.DROP in possible and filtered:
        return "filter", Answer.REFUSE not in possible
    return "hold", False


class Gate:
    """A listener with a posture.

    Attributes:
        listener: accepts, and owns the tasks.
        posture: what is played now.
        how: by which means: `open`, `refuse`, `filter`, `full-queue`, or `hold` (decided at accept: a source to
            drop is connected but never answered, one to refuse is reset).
        exact: whether that is true to the packet for every source.
    """

    def __init__(
        self,
        bound: socket.socket,
        serve: Handler,
        group: asyncio.TaskGroup,
        *,
        attempts: Attempts,
        supported: Supported = filters.supported,
    ) -> None:
        self.listener = Listener(bound, self._answer, group)
        self.posture = Posture.to_all(Answer.REFUSE)
        self.how: How = "refuse"
        self.exact = True
        self._serve = serve
        self._attempts = attempts
        self._filtered = supported() is None
        self._inherits = False
        self._filler: socket.socket | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, or would."""
        host, port = self.listener.socket.getsockname()[:2]
        return host, port

    def set(self, posture: Posture) -> None:
        """Play `posture` from now on; connections that are open stay.

        Raises:
            OSError: somebody else listens on this address by now.
        """
        if self.how in ("open", "filter", "hold"):
            self._accept_queued(None)  # they were let in under the old posture
        self.posture = posture
        self.how, self.exact = plan(posture.possible(), filtered=self._filtered)
        if self.how == "refuse" and sys.platform != "linux":  # elsewhere a listening socket cannot be shut down
            self.how, self.exact = "hold", False
        if self.how == "filter":
            self._try_filter(posture)
        self._play()
        self._attempts.renew()
        self._attempts.watch(dropping=self.how in ("filter", "full-queue"))

    def _try_filter(self, posture: Posture) -> None:
        program = filters.compile_filter(posture)
        if program is None:
            raise AssertionError("a posture that drops some source has a program")
        try:
            filters.attach(self.listener.socket, program)
        except OSError:  # allowed in general, but this program is too long
            self.how, self.exact = plan(posture.possible(), filtered=False)
        else:
            self._inherits = True

    def _play(self) -> None:
        """Bring the socket to `how`; a filter is on before it listens, and off only when nothing is to be dropped."""
        if self.how == "refuse":
            self.listener.refuse()
            self._empty()
        elif self.how == "full-queue":
            self._fill()
        else:
            self._open()
        if self.how != "filter" and self._inherits:
            filters.detach(self.listener.socket)

    def _open(self) -> None:
        self._empty()
        self.listener.listen()

    def _empty(self) -> None:
        """Take our own connection out of the accept queue, and answer a client that was caught in it."""
        if self._filler is not None:
            self._accept_queued(self._filler.getsockname())
            self._filler.close()
            self._filler = None

    def _fill(self) -> None:
        """Fill the accept queue with a connection of our own; a client that is faster is held."""
        self.listener.pause()
        self.listener.socket.listen(0)
        for _ in range(FILL_TRIES if self._filler is None else 0):
            own = _begin(self.address)
            if _is_connected(own):
                self._filler = own
                return
            own.close()
            self._accept_queued(None)
        self.exact = self._filler is not None

    def _accept_queued(self, own: Any) -> None:
        """Answer what the kernel has accepted for us; `own` is our own connection's address."""
        while True:
            try:
                connection, peer = self.listener.socket.accept()
            except OSError:  # the queue is empty, or the socket does not listen
                return
            if peer == own:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
                connection.close()
            else:
                self.listener.serve(connection)

    def _answer(self, connection: socket.socket) -> Coroutine[Any, Any, None]:
        """What an accepted connection gets; decided now, for the posture may change before a task starts."""
        if self._inherits:
            filters.detach(connection)
        if self.how == "open":
            return self._serve(connection)
        try:
            source, port = connection.getpeername()[:2]
        except OSError:  # gone already
            return _reset(connection)
        answer = self.posture.answer(source, port)
        if answer is Answer.OPEN:
            return self._serve(connection)
        return self._hold(connection, source, port) if answer is Answer.DROP else _reset(connection)

    async def _hold(self, connection: socket.socket, source: str, port: int) -> None:
        with self._attempts.held(source, port):
            await until_gone(connection)

    async def aclose(self, *, grace: float = 0.0) -> None:
        """Accept no more, drain for `grace` real seconds, cut the rest, give the port back."""
        if self._filler is not None:
            self._filler.close()
            self._filler = None
        await self.listener.aclose(grace=grace)


async def _reset(connection: socket.socket) -> None:
    """Have the owner's close send RST: as near to a refusal as an accepted connection comes."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)


def _begin(address: tuple[str, int]) -> socket.socket:
    """A connection to our own listener; over loopback it is made within the call, or its SYN was dropped."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])
    own = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    own.setblocking(False)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
    own.connect_ex((host, address[1]))
    return own


def _is_connected(connection: socket.socket) -> bool:
    try:
        connection.getpeername()
    except OSError:
        return False
    return True


@contextlib.asynccontextmanager
async def gate_at(
    bound: socket.socket,
    posture: Posture,
    serve: Handler,
    on_drop: Sighting,
    *,
    on_gone: Sighting = ignore,
    grace: float = 0.0,
    supported: Supported = filters.supported,
) -> AsyncIterator[Gate]:
    """Play `posture` at `bound` until the body ends; `on_drop` and `on_gone` hear of each dropped attempt."""
    async with asyncio.TaskGroup() as group:
        attempts = Attempts(bound, on_drop=on_drop, on_gone=on_gone)
        watching = group.create_task(attempts.run())
        gate = Gate(bound, serve, group, attempts=attempts, supported=supported)
        try:
            gate.set(posture)
            yield gate
        finally:
            watching.cancel()
            await gate.aclose(grace=grace)
