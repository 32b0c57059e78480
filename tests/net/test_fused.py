"""A relay that is parted in two at any moment carries every byte once and in order, and both say who ended it."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.net.fused import accepted, passed_on, tcp_pair
from emulator.net.pipes import PipePool, pipe_pool
from emulator.net.relay import Ended, Relay
from tests.net.conftest import LOOPS, Run, alone
from tests.net.tcp import exactly, pair, received
from tests.net.test_relay import ACTS, Act, Side

pytestmark = pytest.mark.network


class Parting:
    """A client and a backend joined by one relay, and by two once `part` was called."""

    def __init__(self, client: socket.socket, backend: socket.socket, relay: Relay, group: asyncio.TaskGroup) -> None:
        self.client, self.backend, self.relay = client, backend, relay
        self.tasks: list[asyncio.Task[Ended]] = []
        self._group = group
        self._far_end: list[socket.socket] = []

    def begin(self, front: socket.socket, rear: socket.socket) -> None:
        """Carry on the first hop, whose far end may become another."""
        self._far_end = [rear]
        self.tasks.append(self._group.create_task(self._serve(self.relay, front)))

    def part(self) -> None:
        """As the hops do, unless it is over."""
        if self.relay.is_over:
            return
        near, far = tcp_pair()
        beyond = self.relay.parted(near, far, None)
        rear, self._far_end = self._far_end[0], [near]
        self.tasks.append(self._group.create_task(self._serve(beyond, far, rear)))

    async def ended(self) -> list[Ended]:
        async with asyncio.timeout(20):
            return [await each for each in self.tasks]

    async def _serve(self, relay: Relay, *ends: socket.socket) -> Ended:
        try:
            return await relay.run()
        finally:
            for each in (*ends, *(self._far_end if relay is self.relay else ())):
                each.close()


@contextlib.asynccontextmanager
async def joined(pipes: PipePool, buffer_bytes: int | None = None) -> AsyncIterator[Parting]:
    """A client and a backend, ready to be parted."""
    with pair(buffer_bytes=buffer_bytes) as (client, front), pair(buffer_bytes=buffer_bytes) as (backend, rear):
        async with asyncio.TaskGroup() as group:
            found = Parting(client, backend, Relay(front, rear, pipes), group)
            found.begin(front, rear)
            yield found
            for each in found.tasks:
                each.cancel()


def test_what_a_slow_reader_left_in_flight_arrives(run: Run) -> None:
    """Both directions hold bytes that nobody takes when the relay is parted; then they are read to the last."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with pipe_pool() as pipes, joined(pipes, 4096) as found:
            sent = {found.client: b"c" * 400_000, found.backend: b"b" * 400_000}
            async with asyncio.TaskGroup() as group:
                for each, data in sent.items():
                    group.create_task(loop.sock_sendall(each, data))
                begun = [await exactly(each, 1) for each in (found.backend, found.client)]
                found.part()
                assert begun[0] + await exactly(found.backend, 399_999) == sent[found.client]
                assert begun[1] + await exactly(found.client, 399_999) == sent[found.backend]
            counts = {found.relay.bytes_from_client, found.relay.bytes_to_client}

        assert counts == {400_000}

    run(body())


def test_a_half_closed_one_goes_on(run: Run) -> None:
    """The client's FIN was passed on before: the backend still answers, and the client ended it at both hops."""

    async def body() -> None:
        async with pipe_pool() as pipes, joined(pipes) as found:
            found.client.send(b"question")
            found.client.shutdown(socket.SHUT_WR)
            assert await received(found.backend) == (b"question", True)
            found.part()
            found.backend.send(b"answer")
            found.backend.shutdown(socket.SHUT_WR)
            assert await received(found.client) == (b"answer", True)

            assert await found.ended() == [Ended("client", "fin"), Ended("client", "fin")]

    run(body())


def test_a_stranger_is_not_taken_for_the_other_end() -> None:
    """Another process of this machine that connects first is turned away: it would read the flow."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = listening.getsockname()
        with socket.create_connection(place) as stranger, socket.create_connection(place) as near:
            with accepted(listening, near.getsockname()) as far:
                assert far.getpeername() == near.getsockname()
            stranger.settimeout(20)
            assert stranger.recv(1) == b""


def test_who_fell_silent_beyond_a_hop_is_reset_here() -> None:
    """A timeout at the far side of another hop is a reset at this side; all else is passed on as it is."""
    assert passed_on("backend", Ended("backend", "timeout")) == Ended("backend", "rst")
    assert passed_on("backend", Ended("client", "timeout")) == Ended("client", "timeout")
    assert passed_on("client", Ended("client", "fin")) == Ended("client", "fin")
    assert passed_on("client", None) == Ended("emulator", "rst")


async def perform(acts: list[Act], at: int, buffer_bytes: int | None, total_bytes: int) -> None:
    async with pipe_pool(total_bytes=total_bytes) as pool, joined(pool, buffer_bytes) as found:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            client = Side(found.client, 1, group.create_task(received(found.client)))
            backend = Side(found.backend, 2, group.create_task(received(found.backend)))
            for number, (name, what, size) in enumerate(acts):
                if number == at:
                    found.part()
                await (client if name == "client" else backend).act(what, size)
            for side in (client, backend):
                await side.act("half-close", 0)
            await found.ended()
        assert pool.lent == 0
        whole = not (client.gone or backend.gone)
        for side, other in ((client, backend), (backend, client)):
            if not side.gone:
                data, fin = side.reading.result()
                assert other.sent.startswith(data)
                assert (data, fin) == (other.sent, True) or not whole


@pytest.mark.parametrize("loop_name", sorted(LOOPS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=ACTS,
    at=st.integers(0, 11),
    buffer_bytes=st.sampled_from([None, 4096]),
    total_bytes=st.sampled_from([0, 64 << 20]),
)
def test_parting_loses_no_bytes(
    loop_name: str, acts: list[Act], at: int, buffer_bytes: int | None, total_bytes: int
) -> None:
    """Whatever both sides do, and whenever it is parted, what arrives is a prefix of what was sent, or all of it."""
    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runs:
        runs.run(alone(perform(acts, at, buffer_bytes, total_bytes)))
