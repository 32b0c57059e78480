"""A gate plays every posture as well as this machine lets it, and says how."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest

from emulator.net import filters
from emulator.net.attempts import Attempt
from emulator.net.gate import Gate, gate_at, plan
from emulator.net.listener import bind
from emulator.rules.posture import Answer, Posture, SourceClass
from tests.net.conftest import Run
from tests.net.tcp import exactly, reset

OPEN, DROP, REFUSE = Answer.OPEN, Answer.DROP, Answer.REFUSE
REFUSED_HERE = filters.supported()


def unsupported() -> str:
    """What a machine without socket filters answers."""
    return "no filters in this test"


Supported = Callable[[], str | None]
MACHINES = [
    pytest.param(unsupported, id="no-filters"),
    pytest.param(
        filters.supported, id="filters", marks=pytest.mark.skipif(REFUSED_HERE is not None, reason=str(REFUSED_HERE))
    ),
]


def some(address: str, answer: Answer, others: Answer) -> Posture:
    """One answer for one address, another for all others."""
    return Posture((SourceClass(address, (0, 65535), answer), SourceClass(None, (0, 65535), others)))


@pytest.mark.parametrize(
    ("possible", "filtered", "how", "exact"),
    [
        ({OPEN}, True, "open", True),
        ({OPEN}, False, "open", True),
        ({REFUSE}, True, "refuse", True),
        ({REFUSE}, False, "refuse", True),
        ({DROP}, True, "filter", True),
        ({DROP}, False, "full-queue", True),
        ({DROP, REFUSE}, True, "filter", False),
        ({DROP, REFUSE}, False, "full-queue", False),
        ({OPEN, DROP}, True, "filter", True),
        ({OPEN, DROP}, False, "hold", False),
        ({OPEN, REFUSE}, True, "hold", False),
        ({OPEN, REFUSE}, False, "hold", False),
        ({OPEN, DROP, REFUSE}, True, "filter", False),
        ({OPEN, DROP, REFUSE}, False, "hold", False),
    ],
)
def test_plan(possible: set[Answer], filtered: bool, how: str, exact: bool) -> None:  # noqa: FBT001
    """Every mixture of answers has its way of being played, and is called exact only where it is."""
    assert plan(frozenset(possible), filtered=filtered) == (how, exact)


async def echo(connection: socket.socket) -> None:
    """Answer one message with itself."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        await loop.sock_sendall(connection, await loop.sock_recv(connection, 100))


class Played:
    """A gate in service and what it told of."""

    def __init__(self, gate: Gate, dropped: list[Attempt], gone: list[Attempt]) -> None:
        self.gate, self.dropped, self.gone = gate, dropped, gone

    async def begins(self, client: socket.socket, source: str = "127.0.0.1") -> str:
        """What a SYN meets: loopback answers within the call or never."""
        client.setblocking(False)
        client.bind((source, 0))
        client.connect_ex(self.gate.address)
        error = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            return "refused"
        try:
            client.getpeername()
        except OSError:
            return "dropped"
        return "connected"

    async def meets(self, source: str = "127.0.0.1") -> str:
        with socket.socket() as client:
            return await self.begins(client, source)

    async def echoes(self, source: str = "127.0.0.1") -> bool:
        with socket.socket() as client:
            return await self.begins(client, source) == "connected" and await echoed(client)


async def echoed(client: socket.socket) -> bool:
    """Whether the gate's handler serves this connection."""
    async with asyncio.timeout(5):
        await asyncio.get_running_loop().sock_sendall(client, b"hello")
        return await exactly(client, 5) == b"hello"


@contextlib.asynccontextmanager
async def played(posture: Posture, supported: Supported = filters.supported) -> AsyncIterator[Played]:
    """A gate on a free port of loopback."""
    dropped: list[Attempt] = []
    gone: list[Attempt] = []
    bound = bind("127.0.0.1", 0)
    async with gate_at(bound, posture, echo, dropped.append, on_gone=gone.append, supported=supported) as gate:
        yield Played(gate, dropped, gone)
    assert bound.fileno() == -1


async def until(condition: Callable[[], bool]) -> None:
    """Wait, a few seconds at most, for something that other tasks bring about."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_each_change_of_posture(run: Run, supported: Supported) -> None:
    """Between any two postures for all sources, the next SYN meets the new one, exactly."""

    async def body() -> None:
        expected = {OPEN: "connected", DROP: "dropped", REFUSE: "refused"}
        async with played(Posture.to_all(OPEN), supported) as channel:
            for answer in (DROP, OPEN, REFUSE, OPEN, OPEN, DROP, DROP, REFUSE, DROP, REFUSE, REFUSE, OPEN):
                channel.gate.set(Posture.to_all(answer))

                assert await channel.meets() == expected[answer]
                assert channel.gate.exact
            assert await channel.echoes()

    run(body())


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_open_connections_stay(run: Run, supported: Supported) -> None:
    """A connection that is open when the posture becomes drop or refuse is served to its end."""

    async def body() -> None:
        for answer in (DROP, REFUSE):
            async with played(some("127.60.8.1", DROP, OPEN), supported) as channel:
                with socket.socket() as client:
                    assert await channel.begins(client) == "connected"
                    await until(lambda: channel.gate.listener.connections == 1)
                    channel.gate.set(Posture.to_all(answer))

                    assert await echoed(client)

    run(body())


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_queued_connections_belong_to_the_old_posture(run: Run, supported: Supported) -> None:
    """A connection that the kernel made before the change, and nobody accepted yet, is served."""

    async def body() -> None:
        for answer in (DROP, REFUSE):
            async with played(Posture.to_all(OPEN), supported) as channel:
                with socket.socket() as client:
                    assert await channel.begins(client) == "connected"
                    channel.gate.set(Posture.to_all(answer))

                    assert await echoed(client)

    run(body())


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_waiting_client_connects_once_open(run: Run, supported: Supported) -> None:
    """A client whose SYN was dropped connects by its next SYN once the posture is open."""

    async def body() -> None:
        async with played(Posture.to_all(DROP), supported) as channel:
            with socket.socket() as client:
                assert await channel.begins(client) == "dropped"
                channel.gate.set(Posture.to_all(OPEN))

                assert await echoed(client)

    run(body())


@pytest.mark.network
@pytest.mark.skipif(REFUSED_HERE is not None, reason=str(REFUSED_HERE))
def test_filtered_sources_are_dropped_exactly(run: Run) -> None:
    """With filters one source is dropped in the kernel while another is served."""

    async def body() -> None:
        async with played(some("127.60.8.1", DROP, OPEN)) as channel:
            assert (channel.gate.how, channel.gate.exact) == ("filter", True)
            assert await channel.meets("127.60.8.1") == "dropped"
            assert await channel.echoes("127.60.8.2")
            channel.gate.set(some("127.60.8.2", DROP, OPEN))
            assert await channel.echoes("127.60.8.1")
            assert await channel.meets("127.60.8.2") == "dropped"

    run(body())


@pytest.mark.network
def test_without_filters_a_dropped_source_is_held(run: Run) -> None:
    """Without filters a source to drop is connected, never answered, told of at once, forgotten when it leaves."""

    async def body() -> None:
        async with played(some("127.60.8.1", DROP, OPEN), unsupported) as channel:
            assert (channel.gate.how, channel.gate.exact) == ("hold", False)
            with socket.socket() as client:
                assert await channel.begins(client, "127.60.8.1") == "connected"
                client.send(b"is anybody there?")
                await until(lambda: channel.dropped != [])
                assert channel.dropped == [Attempt("127.60.8.1", client.getsockname()[1], held=True)]
                assert await channel.echoes("127.60.8.2")
                with pytest.raises(BlockingIOError):
                    client.recv(1)
                assert channel.gone == []
            await until(lambda: channel.gone != [])
            assert channel.gate.listener.connections == 0

    run(body())


@pytest.mark.network
def test_a_refused_source_among_open_ones_is_reset(run: Run) -> None:
    """A source to refuse is accepted and reset while others are served, and the gate calls that approximated."""

    async def body() -> None:
        async with played(some("127.60.8.1", REFUSE, OPEN)) as channel:
            assert (channel.gate.how, channel.gate.exact) == ("hold", False)
            with socket.socket() as client:
                await channel.begins(client, "127.60.8.1")
                with pytest.raises(ConnectionResetError):
                    await asyncio.get_running_loop().sock_recv(client, 1)
            assert await channel.echoes("127.60.8.2")

    run(body())


@pytest.mark.network
def test_a_client_caught_in_the_queue_is_answered(run: Run) -> None:
    """A client that slips into the full queue hears nothing while it drops, and is served once it opens."""

    async def body() -> None:
        async with played(Posture.to_all(DROP), unsupported) as channel:
            gate = channel.gate
            assert gate.how == "full-queue"
            gate.listener.socket.listen(1)  # as if the queue had had one place more
            with socket.socket() as client:
                assert await channel.begins(client) == "connected"
                assert await channel.meets() == "dropped"
                gate.set(Posture.to_all(OPEN))

                assert await echoed(client)

    run(body())


@pytest.mark.network
def test_a_client_faster_than_our_own_is_held(run: Run) -> None:
    """A client that takes the queue's one place before our connection does is held, told of, and the queue filled."""

    async def body() -> None:
        async with played(Posture.to_all(OPEN), unsupported) as channel:
            gate = channel.gate
            gate.listener.pause()
            with socket.socket() as client:
                assert await channel.begins(client) == "connected"
                gate.posture, gate.how = Posture.to_all(DROP), "full-queue"
                gate._fill()  # the rest of `set`, as if the client had come in the middle of it

                assert await channel.meets() == "dropped"
                assert gate.exact
                await until(lambda: channel.dropped != [])
                assert channel.dropped == [Attempt("127.0.0.1", client.getsockname()[1], held=True)]

    run(body())


@pytest.mark.network
def test_stopping_cuts_what_is_held(run: Run) -> None:
    """The end of the gate closes held connections and frees the port."""

    async def body() -> None:
        with socket.socket() as client:
            async with played(some("127.60.8.1", DROP, OPEN), unsupported) as channel:
                address = channel.gate.address
                assert await channel.begins(client, "127.60.8.1") == "connected"
                await until(lambda: channel.dropped != [])
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
            bind(*address).close()

    run(body())


@pytest.mark.network
def test_a_reset_hold_ends(run: Run) -> None:
    """A held client that resets is gone as well as one that sends FIN."""

    async def body() -> None:
        async with played(some("127.60.8.1", DROP, OPEN), unsupported) as channel:
            client = socket.socket()
            assert await channel.begins(client, "127.60.8.1") == "connected"
            await until(lambda: channel.dropped != [])
            reset(client)
            await until(lambda: channel.gone != [])

    run(body())


@pytest.mark.network
@pytest.mark.skipif(REFUSED_HERE is not None, reason=str(REFUSED_HERE))
def test_a_program_too_long_is_approximated(run: Run) -> None:
    """A posture beyond the kernel's 4,096 instructions is played at accept, and called approximated."""

    async def body() -> None:
        many = tuple(SourceClass(f"10.1.{n // 250}.{n % 250}", (n, n + 1), DROP) for n in range(600))
        async with played(Posture((*many, SourceClass(None, (0, 65535), OPEN)))) as channel:
            assert (channel.gate.how, channel.gate.exact) == ("hold", False)
            assert await channel.echoes()

    run(body())


@pytest.mark.network
@pytest.mark.skipif(REFUSED_HERE is not None, reason=str(REFUSED_HERE))
def test_accepted_connections_are_not_filtered(run: Run) -> None:
    """A served connection has no filter left: a later posture cannot silence it."""

    async def body() -> None:
        found = []

        async def ask(connection: socket.socket) -> None:
            try:
                connection.setsockopt(socket.SOL_SOCKET, filters.SO_DETACH_FILTER, struct.pack("i", 0))
            except FileNotFoundError:
                found.append("none")

        bound = bind("127.0.0.1", 0)
        async with gate_at(bound, some("127.60.8.1", DROP, OPEN), ask, lambda _: None) as gate:
            with socket.create_connection(gate.address):
                await until(lambda: found != [])

        assert found == ["none"]

    run(body())
