"""See the connection attempts that the kernel drops.

The listener's drop counter says that one was dropped; a row in SYN_SENT of the system's own connection table says
by whom, when the client is on this machine (and in this network namespace). A client elsewhere stays unnamed.
"""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.net import filters
from emulator.net.addresses import can_bind

LOOK = 0.1
"""Real seconds between looks at the drop counter while something can be dropped."""
FOLLOW = 0.5
"""Real seconds between looks at the connection table while nothing new was dropped but attempts are known."""
QUIET = 10.0
"""Real seconds without a further drop after which a nameless attempt counts as gone."""
TABLES = {socket.AF_INET: Path("/proc/net/tcp"), socket.AF_INET6: Path("/proc/net/tcp6")}
MAPPED = "0000000000000000FFFF0000"
"""How /proc/net/tcp6 begins an IPv4 address, as words of a little-endian machine."""

Client = tuple[str, int]
Rows = Mapping[Client, int]
"""Clients in SYN_SENT, and how often each has repeated its SYN."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A connection attempt that gets no answer.

    Attributes:
        source: the client's address; empty when it is unknown.
        source_port: the client's port; 0 when it is unknown.
        retransmissions: how often its SYN was repeated so far.
        age: real seconds since it was seen first.
        held: it was accepted and held, because the kernel could not drop it here.
    """

    source: str
    source_port: int
    retransmissions: int = 0
    age: float = 0.0
    held: bool = False


Sighting = Callable[[Attempt], None]


def ignore(_: Attempt) -> None:
    """A sighting that nobody wants."""


class Ledger:
    """Which attempts are known: fed with the counter's rise and the table's rows, it says which are new, which gone.

    A drop that no row explains at two looks in a row is a nameless attempt: at one look, counter and table may
    differ by a packet that came between reading them.
    """

    def __init__(self) -> None:
        self.known: dict[Client, tuple[float, int]] = {}
        self._unexplained = 0
        self._nameless: Attempt | None = None
        self._nameless_since = self._nameless_last = 0.0

    @property
    def is_empty(self) -> bool:
        """Whether no attempt is under way."""
        return not self.known and self._nameless is None and not self.doubts

    @property
    def doubts(self) -> bool:
        """Whether the next look may find a nameless attempt."""
        return self._unexplained > 0

    def look(self, rise: int, rows: Rows, now: float) -> tuple[list[Attempt], list[Attempt]]:
        """Attempts that are new, and attempts that are gone, given drops since the last look and today's rows."""
        before = self._unexplained
        explained = sum(count + 1 - self._counted(client) for client, count in rows.items())
        new = [Attempt(*client, count) for client, count in rows.items() if client not in self.known]
        left = [client for client in self.known if client not in rows]
        self._unexplained += rise - explained
        last = min(max(self._unexplained, 0), len(left))  # a client's last repetition may come between two looks
        self._unexplained -= last
        if not (rise or explained):
            self._unexplained = max(self._unexplained, 0)
        gone = [self._attempt(client, now, more=index < last) for index, client in enumerate(left)]
        self.known = {client: (self.known.get(client, (now, 0))[0], count) for client, count in rows.items()}
        return new + self._meet_nameless(min(before, self._unexplained), now), gone + self._lose_nameless(now)

    def _counted(self, client: Client) -> int:
        return self.known[client][1] + 1 if client in self.known else 0

    def _attempt(self, client: Client, now: float, *, more: bool) -> Attempt:
        since, count = self.known[client]
        return Attempt(*client, count + more, now - since)

    def _meet_nameless(self, drops: int, now: float) -> list[Attempt]:
        if drops <= 0:
            return []
        self._unexplained -= drops
        self._nameless_last = now
        if self._nameless is not None:
            self._nameless = replace(self._nameless, retransmissions=self._nameless.retransmissions + drops)
            return []
        self._nameless_since = now
        self._nameless = Attempt("", 0, drops - 1)
        return [self._nameless]

    def renew(self) -> None:
        """Begin another nameless attempt with the next drop that no row explains."""
        self._nameless = None

    def _lose_nameless(self, now: float) -> list[Attempt]:
        if self._nameless is None or now - self._nameless_last < QUIET:
            return []
        gone, self._nameless = self._nameless, None
        return [replace(gone, age=self._nameless_last - self._nameless_since)]


class Attempts:
    """Watches one listening socket for dropped attempts; tells of each when it comes and when it goes."""

    def __init__(self, listening: socket.socket, *, on_drop: Sighting, on_gone: Sighting = ignore) -> None:
        self._socket = listening
        self._on_drop = on_drop
        self._on_gone = on_gone
        self._ledger = Ledger()
        self._dropping = False
        self._awake = asyncio.Event()
        self._drops = 0
        self._looked = 0.0

    def watch(self, *, dropping: bool) -> None:
        """Whether the socket's posture can drop from now on; nothing is polled while it cannot."""
        if dropping and not self._dropping:
            self._drops = filters.drops(self._socket)
            self._awake.set()
        self._dropping = dropping

    def renew(self) -> None:
        """What is dropped from now on may be dropped for another reason: who has no name is told of anew."""
        self._ledger.renew()

    async def run(self) -> None:
        """Look until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._awake.wait()
            self.look(loop.time())
            if not self._dropping and self._ledger.is_empty:
                self._awake.clear()
            await asyncio.sleep(LOOK)

    def look(self, now: float) -> None:
        """Look once, at loop time `now`; the table is read only when it can have changed."""
        drops = filters.drops(self._socket)
        rise = drops - self._drops
        self._drops = drops
        due = not self._ledger.is_empty and now - self._looked >= FOLLOW
        if not (rise or due or self._ledger.doubts):
            return
        self._looked = now
        new, gone = self._ledger.look(rise, waiting_clients(self._socket), now)
        for attempt in new:
            self._on_drop(attempt)
        for attempt in gone:
            self._on_gone(attempt)

    @contextlib.contextmanager
    def held(self, source: str, source_port: int) -> Iterator[None]:
        """Tell of an attempt that was accepted, to be held while the body runs, because it could not be dropped."""
        loop = asyncio.get_running_loop()
        attempt = Attempt(source, source_port, held=True)
        since = loop.time()
        self._on_drop(attempt)
        try:
            yield
        finally:
            self._on_gone(replace(attempt, age=loop.time() - since))


def waiting_clients(listening: socket.socket) -> dict[Client, int]:
    """Clients of this machine that wait for `listening` to answer their SYN, and how often each repeated it."""
    host, port = listening.getsockname()[:2]
    if listening.family != socket.AF_INET:  # Azure's channel is IPv4, and so are our listeners
        return {}
    found: dict[Client, int] = {}
    for table in TABLES.values():
        with contextlib.suppress(FileNotFoundError):  # not Linux, or no IPv6
            found |= syn_sent(table.read_bytes(), host, port)
    return found


def syn_sent(table: bytes, host: str, port: int) -> dict[Client, int]:
    """The IPv4 rows of /proc/net/tcp or tcp6 in SYN_SENT towards `port` at `host` (0.0.0.0: any of our addresses).

    A SYN of ours towards the same port of another machine is no row: that is how a balancer dials a proxy.
    """
    remote = "[0-9A-F]{8}" if host == "0.0.0.0" else _words(host)
    prefix = f"(?:{MAPPED})?"
    row = rf": {prefix}([0-9A-F]{{8}}):([0-9A-F]{{4}}) {prefix}({remote}):{port:04X} 02 \S+ \S+ ([0-9A-F]{{8}}) "
    return {
        (_address(address), int(source_port, 16)): int(repeated, 16)
        for address, source_port, towards, repeated in re.findall(row, table.decode("ascii"))
        if host != "0.0.0.0" or can_bind(_address(towards))
    }


def _words(host: str) -> str:
    """An IPv4 address as the kernel prints it: four bytes read as a number of this machine."""
    return f"{struct.unpack('=I', socket.inet_aton(host))[0]:08X}"


def _address(words: str) -> str:
    return socket.inet_ntoa(struct.pack("=I", int(words, 16)))
