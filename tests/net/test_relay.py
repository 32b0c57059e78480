"""The relay carries every byte once and in order, and says truly who ended a connection."""

import asyncio
import contextlib
import errno
import random
import socket
import time
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.net.pipes import PIPE_BYTES, PipePool, pipe_pool
from emulator.net.relay import Ended, Relay
from tests.net.conftest import LOOPS, Run, alone
from tests.net.tcp import exactly, pair, received, reset

pytestmark = pytest.mark.network


class Relayed:
    """A relay in service: the ends a client and a backend hold, and how it ended."""

    def __init__(
        self, client: socket.socket, backend: socket.socket, relay: Relay, task: asyncio.Task[Ended]
    ) -> None:
        self.client, self.backend, self.relay, self.task = client, backend, relay, task

    async def ended(self) -> Ended:
        async with asyncio.timeout(10):
            return await self.task


@contextlib.asynccontextmanager
async def relayed(pool: PipePool | None = None, *, buffer_bytes: int | None = None) -> AsyncIterator[Relayed]:
    """A client and a backend joined by a relay, whose owner closes its sockets as the hops do."""
    async with contextlib.AsyncExitStack() as stack:
        pipes = pool if pool is not None else await stack.enter_async_context(pipe_pool())
        client, front = stack.enter_context(pair(buffer_bytes=buffer_bytes))
        backend, rear = stack.enter_context(pair(buffer_bytes=buffer_bytes))
        relay = Relay(front, rear, pipes)

        async def serve() -> Ended:
            with front, rear:
                return await relay.run()

        async with asyncio.TaskGroup() as group:
            task = group.create_task(serve())
            yield Relayed(client, backend, relay, task)
            task.cancel()


def test_small_messages_both_ways(run: Run) -> None:
    """A message reaches the other side as it was sent, and both directions are counted."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with relayed() as channel:
            for number in range(20):
                await loop.sock_sendall(channel.client, b"ping %d" % number)
                assert await exactly(channel.backend, len(b"ping %d" % number)) == b"ping %d" % number
                await loop.sock_sendall(channel.backend, b"pong")
                assert await exactly(channel.client, 4) == b"pong"

            assert (channel.relay.bytes_from_client, channel.relay.bytes_to_client) == (130, 80)

    run(body())


def test_half_close_each_way_in_turn(run: Run) -> None:
    """After the client's FIN the backend still answers; the client's FIN came first."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with relayed() as channel:
            await loop.sock_sendall(channel.client, b"question")
            channel.client.shutdown(socket.SHUT_WR)
            assert await received(channel.backend) == (b"question", True)
            await loop.sock_sendall(channel.backend, b"answer")
            channel.backend.close()

            assert await received(channel.client) == (b"answer", True)
            assert await channel.ended() == Ended("client", "fin")

    run(body())


def test_backend_may_end_first(run: Run) -> None:
    """A FIN of the backend that comes first names the backend."""

    async def body() -> None:
        async with relayed() as channel:
            channel.backend.shutdown(socket.SHUT_WR)
            assert await received(channel.client) == (b"", True)
            channel.client.close()

            assert await channel.ended() == Ended("backend", "fin")

    run(body())


@pytest.mark.parametrize("side", ["client", "backend"])
def test_reset_is_passed_on(run: Run, side: Literal["client", "backend"]) -> None:
    """An RST of one side names that side and reaches the other as an RST."""

    async def body() -> None:
        async with relayed() as channel:
            ends = [channel.client, channel.backend]
            resetting, other = ends if side == "client" else reversed(ends)
            await asyncio.get_running_loop().sock_sendall(channel.client, b"x")
            await exactly(channel.backend, 1)
            reset(resetting)

            assert await received(other) == (b"", False)
            assert await channel.ended() == Ended(side, "rst")

    run(body())


@pytest.mark.parametrize("count", [10, 65536, 200_000])
def test_reset_right_behind_bytes(run: Run, count: int) -> None:
    """A reset that arrives together with bytes ends the relay, and what was read before it is passed on."""

    async def body() -> None:
        async with relayed() as channel:
            await asyncio.sleep(0.01)  # so that bytes and reset meet a relay that waits
            channel.client.send(bytes(count))
            reset(channel.client)

            assert await channel.ended() == Ended("client", "rst")
            data, fin = await received(channel.backend)
            assert not fin
            assert data == bytes(len(data))

    run(body())


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_cut_from_outside(run: Run, how: Literal["fin", "rst"]) -> None:
    """`cut` ends the relay as asked, by the emulator, and both sides see it."""

    async def body() -> None:
        async with relayed() as channel:
            await asyncio.get_running_loop().sock_sendall(channel.client, b"x")
            await exactly(channel.backend, 1)
            channel.relay.cut(how)
            channel.relay.cut("fin")

            assert await channel.ended() == Ended("emulator", how)
            assert await received(channel.client) == (b"", how == "fin")
            assert await received(channel.backend) == (b"", how == "fin")

    run(body())


def test_cut_before_run(run: Run) -> None:
    """A relay that is cut before it ran ends at once."""

    async def body() -> None:
        async with pipe_pool() as pool:
            with pair() as (_, front), pair() as (_, rear):
                relay = Relay(front, rear, pool)
                relay.cut("rst")

                assert await relay.run() == Ended("emulator", "rst")

    run(body())


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux option")
@pytest.mark.parametrize(("number", "how"), [(errno.ETIMEDOUT, "timeout"), (errno.ECONNRESET, "rst")])
def test_errors_have_names(run: Run, number: int, how: str) -> None:
    """ETIMEDOUT ends a relay by `timeout`, ECONNRESET by `rst`, and the other side is reset."""

    async def body() -> None:
        async with relayed() as channel:
            channel.relay.broken("backend", OSError(number, "from the kernel"))

            ended = await channel.ended()
            assert (ended.by, ended.how) == ("backend", how)
            assert await received(channel.client) == (b"", False)

    run(body())


@pytest.mark.parametrize("total_bytes", [0, 64 << 20])
@pytest.mark.parametrize("buffer_bytes", [None, 8192])
def test_bulk_arrives_whole(run: Run, total_bytes: int, buffer_bytes: int | None) -> None:
    """Megabytes both ways at once arrive as they were sent, with and without pipes; then no pipe is out."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        data = random.Random(1).randbytes(5 << 20 if buffer_bytes is None else 1 << 19)
        async with pipe_pool(total_bytes=total_bytes) as pool, relayed(pool, buffer_bytes=buffer_bytes) as channel:

            async def send(connection: socket.socket, what: bytes) -> None:
                await loop.sock_sendall(connection, what)
                connection.shutdown(socket.SHUT_WR)

            async with asyncio.TaskGroup() as group:
                group.create_task(send(channel.client, data))
                group.create_task(send(channel.backend, data[::-1]))
                there = group.create_task(received(channel.backend))
                back = group.create_task(received(channel.client))

            assert there.result() == (data, True)
            assert back.result() == (data[::-1], True)
            assert (await channel.ended()).how == "fin"
            assert channel.relay.bytes_from_client == channel.relay.bytes_to_client == len(data)
            assert pool.lent == 0

    run(body())


def test_back_pressure_neither_grows_nor_spins(run: Run) -> None:
    """While the backend takes nothing the client is held back, and the relay uses no processor time."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with pipe_pool() as pool, relayed(pool, buffer_bytes=65536) as channel:
            sent = 0
            quiet = 0
            while quiet < 5:
                try:
                    sent += channel.client.send(bytes(65536))
                    quiet = 0
                except BlockingIOError:
                    quiet += 1
                    await asyncio.sleep(0.02)
            started = time.process_time()
            await asyncio.sleep(0.3)

            assert time.process_time() - started < 0.1
            assert pool.size_bytes <= PIPE_BYTES
            assert sent < 4 << 20
            channel.client.shutdown(socket.SHUT_WR)
            data, fin = await received(channel.backend)
            assert (len(data), fin) == (sent, True)
            assert loop.time() - channel.relay.last_activity < 1

    run(body())


def test_reset_while_the_other_side_is_full(run: Run) -> None:
    """A backend that resets while bytes wait for it ends the relay, and its pipe goes back."""

    async def body() -> None:
        async with pipe_pool() as pool, relayed(pool) as channel:
            quiet = 0
            while quiet < 5:
                try:
                    channel.client.send(bytes(1 << 20))
                    quiet = 0
                except BlockingIOError:
                    quiet += 1
                    await asyncio.sleep(0.01)
            reset(channel.backend)

            assert await channel.ended() == Ended("backend", "rst")
            assert pool.lent == 0

    run(body())


def test_cancelled_relay_leaves_nothing(run: Run) -> None:
    """A cancelled relay watches no descriptor any more and has given its pipe back."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with pipe_pool() as pool:
            with pair() as (client, front), pair() as (_backend, rear):
                relay = Relay(front, rear, pool)
                async with asyncio.TaskGroup() as group:
                    task = group.create_task(relay.run())
                    await asyncio.sleep(0)
                    await loop.sock_sendall(client, b"x")
                    task.cancel()

                assert not loop.remove_reader(front.fileno())
                assert not loop.remove_reader(rear.fileno())
                assert pool.lent == 0

    run(body())


Act = tuple[Literal["client", "backend"], Literal["send", "pause", "half-close", "close", "reset"], int]
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["client", "backend"]),
        st.sampled_from(["send", "send", "send", "pause", "half-close", "close", "reset"]),
        st.sampled_from([1, 100, 65535, 65536, 65537, 300_000]),
    ),
    max_size=12,
)


class Side:
    """One end of a relayed connection that performs acts and remembers what it sent."""

    def __init__(self, connection: socket.socket, seed: int, reading: asyncio.Task[tuple[bytes, bool]]) -> None:
        self.connection, self.reading = connection, reading
        self.sent = b""
        self.open = True
        self.gone = False
        self._random = random.Random(seed)

    async def act(self, what: str, size: int) -> None:
        if what == "pause":
            await asyncio.sleep(0)
        elif self.open and what == "send":
            await self._send(self._random.randbytes(size))
        elif self.open and what == "half-close":
            self.open = False
            with contextlib.suppress(OSError):  # the other side has reset
                self.connection.shutdown(socket.SHUT_WR)
        elif self.open:
            await self._leave(what)

    async def _leave(self, what: str) -> None:
        self.open, self.gone = False, True
        self.reading.cancel()
        await asyncio.wait([self.reading])
        self.connection.close() if what == "close" else reset(self.connection)

    async def _send(self, data: bytes) -> None:
        self.sent += data
        with contextlib.suppress(OSError):  # the other side is gone
            await asyncio.get_running_loop().sock_sendall(self.connection, data)


async def perform(acts: list[Act], buffer_bytes: int | None, total_bytes: int) -> None:
    async with pipe_pool(total_bytes=total_bytes) as pool, relayed(pool, buffer_bytes=buffer_bytes) as channel:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            client = Side(channel.client, 1, group.create_task(received(channel.client)))
            backend = Side(channel.backend, 2, group.create_task(received(channel.backend)))
            for name, what, size in acts:
                await (client if name == "client" else backend).act(what, size)
            for side in (client, backend):
                await side.act("half-close", 0)
            ended = await channel.ended()
        assert pool.lent == 0
        whole = not (client.gone or backend.gone)
        assert ended.how in ({"fin"} if whole else {"fin", "rst"})
        for side, other in ((client, backend), (backend, client)):
            if not side.gone:
                data, fin = side.reading.result()
                assert other.sent.startswith(data)
                assert (data, fin) == (other.sent, True) or not whole


@pytest.mark.parametrize("upload", ["blocked", "in flight"])
def test_a_last_word_before_a_reset_arrives(run: Run, upload: str) -> None:
    """It does though another connection has something in the same turn, and the upload breaks in it too."""

    async def body() -> None:
        async with pipe_pool() as pipes, relayed(pipes) as joined, relayed(pipes) as other:
            if upload == "blocked":
                await fill(joined.client)
            else:
                joined.client.send(b"q")
            other.client.send(b"q")  # a turn more: what was read is no longer thought to be ready
            await exactly(other.backend, 1)
            other.client.send(b"x")
            joined.backend.send(b"bye")
            joined.backend.close()  # with bytes unread: that is a reset
            if upload == "in flight":
                joined.client.send(b"u" * 5000)
            assert (await joined.ended()).how == "rst"
            assert (await received(joined.client))[0] == b"bye"

    run(body())


async def fill(connection: socket.socket) -> None:
    """Send until nothing more is taken."""
    blocked = 0
    while blocked < 5:
        try:
            connection.send(b"u" * 100_000)
            blocked = 0
        except BlockingIOError:
            blocked += 1
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("loop_name", sorted(LOOPS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, buffer_bytes=st.sampled_from([None, 4096]), total_bytes=st.sampled_from([0, 64 << 20]))
def test_no_schedule_loses_bytes(loop_name: str, acts: list[Act], buffer_bytes: int | None, total_bytes: int) -> None:
    """Whatever both sides do, what arrives is a prefix of what was sent, and all of it unless somebody reset."""
    with asyncio.Runner(loop_factory=LOOPS[loop_name]) as runs:
        runs.run(alone(perform(acts, buffer_bytes, total_bytes)))
