"""Dropped attempts are seen once when they come and once when they go, named where the machine can name them."""

import asyncio
import socket
import struct

import pytest

from emulator.net import filters
from emulator.net.addresses import can_bind
from emulator.net.attempts import QUIET, Attempt, Ledger, syn_sent, waiting_clients
from emulator.net.gate import gate_at
from emulator.net.listener import bind
from emulator.rules.posture import Answer, Posture, SourceClass
from tests.net.conftest import Run
from tests.net.test_gate import MACHINES, REFUSED_HERE, Supported, unsupported, until

DROPPED = Posture.to_all(Answer.DROP)
A, B = ("127.0.0.1", 4001), ("127.0.0.2", 4002)


Look = tuple[int, dict[tuple[str, int], int]]


def words(address: str) -> str:
    """An address as this machine's kernel prints it."""
    return f"{struct.unpack('=I', socket.inet_aton(address))[0]:08X}"


def test_rows_of_the_table() -> None:
    """Only rows in SYN_SENT towards the listener count, IPv4 or IPv4-mapped, with their repetitions."""
    here, client, port = words("127.60.0.1"), words("127.0.0.9"), "EA61"
    mapped = "0000000000000000FFFF0000"
    rest = "00000001:00000000 01:00000045"
    table = "\n".join(
        [
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
            f"   0: {client}:0FA1 {here}:{port} 02 {rest} 00000003     0        0 1 2",
            f"   1: {client}:0FA2 {here}:{port} 01 {rest} 00000000     0        0 1 2",
            f"   2: {client}:0FA3 {here}:0016 02 {rest} 00000000     0        0 1 2",
            f"   3: {client}:0FA4 {words('127.60.0.2')}:{port} 02 {rest} 00000000     0        0 1 2",
            f"   4: {mapped}{client}:0FA5 {mapped}{here}:{port} 02 {rest} 00000000     0        0 1 2",
        ]
    ).encode()

    assert syn_sent(table, "127.60.0.1", 60001) == {("127.0.0.9", 4001): 3, ("127.0.0.9", 4005): 0}


@pytest.mark.skipif(not can_bind("127.60.0.2"), reason="this machine has no such address")
def test_a_listener_everywhere_has_rows_towards_this_machine() -> None:
    """At 0.0.0.0 each of our addresses counts; what we dial at the same port of another machine does not."""
    rest = "02 00000001:00000000 01:00000045 00000000     0        0 1 2"
    ours, theirs = words("127.60.0.2"), words("192.0.2.1")
    table = f"   0: {ours}:0FA1 {ours}:EA61 {rest}\n   1: {ours}:0FA2 {theirs}:EA61 {rest}\n".encode()

    assert syn_sent(table, "0.0.0.0", 60001) == {("127.60.0.2", 4001): 0}


def test_ledger_names_each_once() -> None:
    """A client is new at its first row and gone when its row is, whatever is repeated in between."""
    ledger = Ledger()

    assert ledger.look(1, {A: 0}, 0.0) == ([Attempt(*A)], [])
    assert ledger.look(1, {A: 1}, 1.0) == ([], [])
    assert ledger.look(2, {A: 2, B: 0}, 3.0) == ([Attempt(*B)], [])
    assert ledger.look(0, {B: 0}, 4.0) == ([], [Attempt(*A, retransmissions=2, age=4.0)])
    assert not ledger.is_empty
    assert ledger.look(0, {}, 5.0) == ([], [Attempt(*B, retransmissions=0, age=2.0)])
    assert ledger.is_empty


def test_ledger_reports_the_nameless_once() -> None:
    """Drops that no row explains are one attempt without a source, gone when they have stopped."""
    ledger = Ledger()

    assert ledger.look(1, {}, 0.0) == ([], [])
    assert ledger.doubts
    assert ledger.look(0, {}, 0.1) == ([Attempt("", 0)], [])
    assert ledger.look(1, {}, 1.0) == ([], [])
    assert ledger.look(0, {}, 1.1) == ([], [])
    assert ledger.look(0, {}, 1.0 + QUIET) == ([], [])
    assert ledger.look(0, {}, 1.1 + QUIET) == ([], [Attempt("", 0, retransmissions=1, age=1.0)])
    assert ledger.is_empty


@pytest.mark.parametrize(("first", "second"), [((1, {}), (0, {A: 0})), ((0, {A: 0}), (1, {A: 0}))])
def test_counter_and_table_may_differ_by_a_look(first: Look, second: Look) -> None:
    """A drop seen in one of counter and table a look before the other is no nameless attempt."""
    ledger = Ledger()
    new = ledger.look(*first, 0.0)[0] + ledger.look(*second, 0.1)[0] + ledger.look(0, {A: 0}, 0.2)[0]

    assert [attempt for attempt in new if not attempt.source] == []


def test_the_last_repetition_is_counted() -> None:
    """A repetition dropped just before the client gave up is its own, not somebody else's attempt."""
    ledger = Ledger()
    ledger.look(1, {A: 0}, 0.0)

    assert ledger.look(1, {}, 1.0) == ([], [Attempt(*A, retransmissions=1, age=1.0)])
    assert ledger.look(0, {}, 1.1) == ([], [])


def connecting(address: tuple[str, int]) -> socket.socket:
    """A client whose SYN is on its way."""
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    return client


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_a_local_client_is_named_at_once(run: Run, supported: Supported) -> None:
    """Within 0.3 s of its SYN a dropped client is told of, with its port; when it gives up, with its repetitions."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        dropped: list[tuple[float, Attempt]] = []
        gone: list[Attempt] = []
        async with gate_at(
            bind("127.0.0.1", 0),
            DROPPED,
            _never,
            lambda attempt: dropped.append((loop.time(), attempt)),
            on_gone=gone.append,
            supported=supported,
        ) as gate:
            began = loop.time()
            with connecting(gate.address) as client:
                await until(lambda: dropped != [])
                assert dropped[0][0] - began < 0.3
                assert dropped[0][1] == Attempt("127.0.0.1", client.getsockname()[1])
                await until(lambda: waiting_clients(gate.listener.socket)[client.getsockname()] > 0)
            await until(lambda: gone != [])

        assert len(dropped) == len(gone) == 1
        assert gone[0].retransmissions >= 1
        assert gone[0].age > 0.5

    run(body())


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_a_client_that_was_too_quick_is_nameless(run: Run, supported: Supported) -> None:
    """A client that gave up before anybody looked is told of without a name."""

    async def body() -> None:
        dropped: list[Attempt] = []
        async with gate_at(bind("127.0.0.1", 0), DROPPED, _never, dropped.append, supported=supported) as gate:
            connecting(gate.address).close()
            await until(lambda: dropped != [])

        assert dropped == [Attempt("", 0)]

    run(body())


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_a_nameless_client_is_told_of_under_each_posture(run: Run, supported: Supported) -> None:
    """Who has no name is told of once while a posture lasts, and again under the next, whose reason may differ."""

    async def body() -> None:
        dropped: list[Attempt] = []
        async with gate_at(bind("127.0.0.1", 0), DROPPED, _never, dropped.append, supported=supported) as gate:
            for count in (1, 2):
                connecting(gate.address).close()
                await until(lambda count=count: len(dropped) == count)  # type: ignore[misc]
                gate.set(DROPPED)

        assert dropped == [Attempt("", 0)] * 2

    run(body())


@pytest.mark.network
@pytest.mark.parametrize("supported", MACHINES)
def test_our_own_connection_is_not_told_of(run: Run, supported: Supported) -> None:
    """Changing postures back and forth is nobody's attempt, and while open nothing is polled."""

    async def body() -> None:
        dropped: list[Attempt] = []
        async with gate_at(bind("127.0.0.1", 0), DROPPED, _never, dropped.append, supported=supported) as gate:
            for _ in range(5):
                gate.set(Posture.to_all(Answer.OPEN))
                gate.set(DROPPED)
                await asyncio.sleep(0.06)
            gate.set(Posture.to_all(Answer.OPEN))
            await until(lambda: not gate._attempts._awake.is_set())

        assert dropped == []

    run(body())


@pytest.mark.network
@pytest.mark.skipif(REFUSED_HERE is not None, reason=str(REFUSED_HERE))
def test_each_of_many_is_told_of_once(run: Run) -> None:
    """Thirty clients at once, dropped by source, are thirty attempts; those let in are none."""

    async def body() -> None:
        dropped: list[Attempt] = []
        posture = Posture(
            (SourceClass("127.60.7.1", (0, 65535), Answer.DROP), SourceClass(None, (0, 65535), Answer.OPEN))
        )
        clients = [socket.socket() for _ in range(60)]
        async with gate_at(bind("127.0.0.1", 0), posture, _never, dropped.append) as gate:
            for number, client in enumerate(clients):
                client.setblocking(False)
                client.bind(("127.60.7.1" if number % 2 else "127.60.7.2", 0))
                client.connect_ex(gate.address)
            await until(lambda: len(dropped) >= 30)
            names = {(attempt.source, attempt.source_port) for attempt in dropped}
            assert names == {client.getsockname() for client in clients[1::2]}
            assert len(dropped) == 30
            for client in clients:
                client.close()

    run(body())


@pytest.mark.network
def test_an_attempt_lives_on_into_the_open(run: Run) -> None:
    """A client that was dropped and then let in is told of as gone, after the posture became open."""

    async def body() -> None:
        dropped: list[Attempt] = []
        gone: list[Attempt] = []
        async with gate_at(
            bind("127.0.0.1", 0), DROPPED, _never, dropped.append, on_gone=gone.append, supported=unsupported
        ) as gate:
            with connecting(gate.address):
                await until(lambda: dropped != [])
                gate.set(Posture.to_all(Answer.OPEN))
                await until(lambda: gone != [])

        assert gone[0].source_port == dropped[0].source_port

    run(body())


def test_a_socket_that_does_not_listen_counts_nothing() -> None:
    """The counter of a bound socket can be read."""
    with bind("127.0.0.1", 0) as bound:
        assert filters.drops(bound) == 0
        assert waiting_clients(bound) == {}


async def _never(connection: socket.socket) -> None:
    """Serve nobody."""
