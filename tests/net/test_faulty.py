"""A direction under faults loses, repeats and reorders nothing, whatever comes and goes, unless a fault says so."""

import asyncio
import random
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.net.direction import Direction
from emulator.net.faulty import MOST_HELD, FaultyDirection
from emulator.net.relay import Ended
from emulator.rules.faults.fault import Fault, Moment
from emulator.rules.faults.kinds import Delay, Effect, Rate, Slice, SlowClose, Stall
from tests.net.conftest import LOOPS, Run, alone
from tests.net.faulted import faulted
from tests.net.tcp import exactly, received, reset

pytestmark = pytest.mark.network


def at_proxy(effect: Effect, name: str = "it", **fields: Any) -> Fault:
    """A fault of the relay's hop."""
    return Fault(name, effect, "proxy", **fields)


def test_bytes_wait_until_they_are_due(run: Run) -> None:
    """A delay of 20 emulated seconds is a fifth of a real one."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with faulted(at_proxy(Delay(seconds=20))) as found:
            began = loop.time()
            await loop.sock_sendall(found.channel.client, b"ping")
            assert await exactly(found.channel.backend, 4) == b"ping"
            assert loop.time() - began >= 0.19

    run(body())


def test_half_closes_are_passed_on_in_turn(run: Run) -> None:
    """Under a fault, too, each direction ends by itself, and the client's FIN came first."""

    async def body() -> None:
        async with faulted(at_proxy(SlowClose(seconds=5))) as found:
            channel = found.channel
            channel.client.send(b"question")
            channel.client.shutdown(socket.SHUT_WR)
            assert await received(channel.backend) == (b"question", True)
            channel.backend.send(b"answer")
            channel.backend.close()
            assert await received(channel.client) == (b"answer", True)
            assert await channel.ended() == Ended("client", "fin")

    run(body())


def test_a_reset_passes_at_once(run: Run) -> None:
    """A RST waits for no delay."""

    async def body() -> None:
        async with faulted(at_proxy(Delay(seconds=3600))) as found:
            reset(found.channel.client)
            assert await found.channel.ended() == Ended("client", "rst")

    run(body())


def test_a_stall_holds_the_sender_back(run: Run) -> None:
    """What waits is bounded: TCP slows the sender down; once the fault is gone, all of it arrives."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        data = random.Random(1).randbytes(4 << 20)
        async with faulted(at_proxy(Stall()), buffer_bytes=65536) as found, asyncio.TaskGroup() as group:
            sending = group.create_task(loop.sock_sendall(found.channel.client, data))
            _, pending = await asyncio.wait([sending], timeout=0.3)
            assert pending
            direction = found.channel.relay.directions[0]
            assert isinstance(direction, FaultyDirection)
            assert len(direction.hand_over()) < 2 * MOST_HELD
            sending.cancel()

    run(body())


def test_removal_lets_everything_go(run: Run) -> None:
    """What waited arrives as soon as the fault is gone, and plain directions carry on."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        data = random.Random(2).randbytes(1 << 20)
        async with faulted(at_proxy(Stall())) as found, asyncio.TaskGroup() as group:
            group.create_task(loop.sock_sendall(found.channel.client, data))
            reading = group.create_task(exactly(found.channel.backend, len(data)))
            _, pending = await asyncio.wait([reading], timeout=0.1)
            assert pending
            found.set()
            async with asyncio.timeout(20):
                assert await reading == data
            found.channel.backend.send(b"done")
            assert await exactly(found.channel.client, 4) == b"done"
            assert [type(each) for each in found.channel.relay.directions] == [Direction, Direction]
            assert found.flow.faults
            assert list(found.flow.faults.on.touched) == ["it"]

    run(body())


EFFECTS = st.one_of(
    st.builds(Delay, seconds=st.floats(0, 2), jitter=st.floats(0, 2)),
    st.builds(Rate, kilobytes_per_second=st.floats(20, 2000)),
    st.builds(Slice, size=st.integers(100, 70_000), seconds=st.floats(0, 0.3)),
    st.builds(Stall, seconds=st.floats(0.1, 3)),
    st.builds(SlowClose, seconds=st.floats(0, 3)),
)
FAULTS = st.builds(
    Fault,
    name=st.sampled_from(["a", "b", "c"]),
    effect=EFFECTS,
    hop=st.just("proxy"),
    direction=st.sampled_from(["from-client", "to-client", "both"]),
    moment=st.one_of(
        st.just(Moment()),
        st.builds(Moment, size=st.integers(0, 200_000)),
        st.builds(Moment, seconds=st.floats(0, 2)),
        st.builds(Moment, pattern=st.binary(min_size=1, max_size=2)),
    ),
    lasts=st.sampled_from([0.0, 0.5, 2.0]),
    seed=st.integers(0, 9),
)
SCHEDULE = st.lists(
    st.tuples(
        st.sampled_from(["client", "backend"]),
        st.sampled_from([0, 1, 1448, 65536, 150_000]),
        st.none() | st.lists(FAULTS, max_size=3, unique_by=lambda fault: fault.name),
    ),
    max_size=8,
)


@pytest.mark.parametrize("name", sorted(LOOPS))
@given(schedule=SCHEDULE, seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_no_schedule_of_faults_loses_a_byte(name: str, schedule: list[Any], seed: int) -> None:
    """Whatever faults come and go while both sides send, each side has the other's bytes, once and in order."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        source = random.Random(seed)
        sent = {"client": b"", "backend": b""}
        async with asyncio.timeout(60), faulted() as found, asyncio.TaskGroup() as group:
            ends = {"client": found.channel.client, "backend": found.channel.backend}
            there = group.create_task(received(ends["backend"]))
            back = group.create_task(received(ends["client"]))
            for side, size, faults in schedule:
                if faults is not None:
                    found.set(*faults)
                data = source.randbytes(size)
                sent[side] += data
                await loop.sock_sendall(ends[side], data)
            for end in ends.values():
                end.shutdown(socket.SHUT_WR)
            if seed % 2:
                found.set()
            assert await there == (sent["client"], True)
            assert await back == (sent["backend"], True)
            assert (await found.channel.ended()).how == "fin"

    with asyncio.Runner(loop_factory=LOOPS[name]) as runs:
        runs.run(alone(body()))
