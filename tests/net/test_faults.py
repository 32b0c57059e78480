"""Faults on running connections and listeners: what their ends see, and that nothing is left of them."""

import asyncio
import gc
from typing import Any

import pytest

from emulator.clock import Clock
from emulator.net import filters
from emulator.net.direction import Direction
from emulator.net.faults import ListenerFaults
from emulator.net.relay import Ended
from emulator.rules.faults.fault import Fault, Moment
from emulator.rules.faults.kinds import (
    BlackHole,
    BurstLoss,
    Close,
    Corrupt,
    Delay,
    DropSyn,
    Effect,
    HalfClose,
    Mute,
    OneWay,
    Refuse,
    Reset,
    SlowAccept,
    Stall,
    Truncate,
)
from emulator.rules.faults.listening import Laid
from emulator.rules.posture import Answer, Posture, SourceClass, Spread
from tests.net.conftest import Run
from tests.net.faulted import faulted
from tests.net.tcp import exactly, received

pytestmark = pytest.mark.network
needs_filters = pytest.mark.skipif(filters.supported() is not None, reason=str(filters.supported()))


def at_proxy(effect: Effect, name: str = "it", **fields: Any) -> Fault:
    """A fault at the proxy."""
    return Fault(name, effect, fields.pop("hop", "proxy"), **fields)


@pytest.mark.parametrize(
    ("effect", "client_sees_fin", "backend_sees_fin", "how"),
    [
        (Close(), True, True, "fin"),
        (Reset(), False, False, "rst"),
        (Reset(side="client"), False, True, "rst"),
        (Reset(side="backend"), True, False, "rst"),
    ],
)
def test_who_sees_what(
    run: Run,
    effect: Effect,
    client_sees_fin: bool,  # noqa: FBT001 - a table
    backend_sees_fin: bool,  # noqa: FBT001 - a table
    how: Any,
) -> None:
    """After four bytes that pass, each side sees the end that the fault is for it."""

    async def body() -> None:
        async with faulted(at_proxy(effect, moment=Moment(size=4), direction="from-client")) as found:
            found.channel.client.send(b"ping")
            assert await received(found.channel.client) == (b"", client_sees_fin)
            data, fin = await received(found.channel.backend)
            assert fin is backend_sees_fin
            assert data == b"ping" or not fin  # a RST may overtake what was not read
            assert await found.channel.ended() == Ended("emulator", how)
        assert found.flow.fate
        assert found.flow.fate.reason.name == "it"
        assert found.channel.relay.bytes_from_client == 4

    run(body())


def test_a_black_hole_tells_nobody(run: Run) -> None:
    """Neither side hears of it, and the relay is over."""

    async def body() -> None:
        async with faulted(at_proxy(BlackHole(), moment=Moment(size=4))) as found:
            found.channel.client.send(b"ping")
            assert await found.channel.ended() == Ended("emulator", "drop")
            assert found.channel.relay.is_dark

    run(body())


def test_after_a_time(run: Run) -> None:
    """A reset after ten emulated seconds comes by itself."""

    async def body() -> None:
        async with faulted(at_proxy(Reset(), moment=Moment(seconds=10))) as found:
            async with asyncio.timeout(20):
                assert await received(found.channel.client) == (b"", False)
            assert list(found.flow.faults.on.touched) == ["it"] if found.flow.faults else False

    run(body())


def test_for_a_time(run: Run) -> None:
    """A stall for ten emulated seconds ends by itself, and what waited goes on."""

    async def body() -> None:
        async with faulted(at_proxy(Stall(), lasts=10)) as found, asyncio.timeout(20):
            found.channel.client.send(b"late")
            assert await exactly(found.channel.backend, 4) == b"late"

    run(body())


def test_a_half_close_at_once(run: Run) -> None:
    """The backend sees a FIN that the client never sent, and still answers."""

    async def body() -> None:
        async with faulted() as found:
            found.channel.client.send(b"ping")
            assert await exactly(found.channel.backend, 4) == b"ping"
            found.set(at_proxy(HalfClose(), direction="from-client"))
            assert await received(found.channel.backend) == (b"", True)
            found.channel.backend.send(b"pong")
            assert await exactly(found.channel.client, 4) == b"pong"
            found.channel.backend.close()
            assert await found.channel.ended() == Ended("client", "fin")

    run(body())


@pytest.mark.parametrize("effect", [Truncate(), Corrupt(every=1)])
def test_the_same_seed_spoils_the_same_bytes(run: Run, effect: Effect) -> None:
    """Two connections with one seed get the same bytes, and those are not what was sent."""
    outcomes: list[bytes] = []

    async def body() -> None:
        for _ in range(2):
            fault = at_proxy(effect, moment=Moment(size=100), seed=4)
            async with faulted(fault) as found:
                found.channel.client.send(bytes(2000))
                found.channel.client.shutdown(1)
                outcomes.append((await received(found.channel.backend))[0])

    run(body())
    assert outcomes[0] == outcomes[1] != bytes(2000)
    assert outcomes[0][:100] == bytes(100)


@needs_filters
@pytest.mark.parametrize("effect", [OneWay(), BurstLoss(seconds=100, between=1)])
def test_packets_are_lost_until_it_is_removed(run: Run, effect: Effect) -> None:
    """The client's bytes vanish in the kernel, the backend's arrive; removed, TCP sends them again."""

    async def body() -> None:
        async with faulted(at_proxy(effect, direction="from-client")) as found:
            found.channel.client.send(b"ping")
            found.channel.backend.send(b"pong")
            assert await exactly(found.channel.client, 4) == b"pong"
            assert found.channel.relay.bytes_from_client == 0
            found.set()
            async with asyncio.timeout(30):
                assert await exactly(found.channel.backend, 4) == b"ping"

    run(body())


def test_a_thousand_rounds_under_traffic_leave_nothing(run: Run) -> None:
    """Faults that come and go while bytes flow: all arrive, plain directions carry on, no timer is left."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        kinds: list[Effect] = [Delay(seconds=0.05), Stall(seconds=0.05), Stall()]
        async with faulted() as found:
            for number in range(1000):
                found.channel.client.send(b"ping")
                found.set(at_proxy(kinds[number % 3], direction="from-client"))
                found.channel.backend.send(b"pong")
                await asyncio.sleep(0)
                found.set()
                assert await exactly(found.channel.backend, 4) == b"ping"
                assert await exactly(found.channel.client, 4) == b"pong"
            assert [type(each) for each in found.channel.relay.directions] == [Direction, Direction]
            gc.collect()
            if hasattr(loop, "_scheduled"):  # asyncio's own loop says what it waits for
                assert [each for each in loop._scheduled if not each.cancelled()] == []

    run(body())


def listener(*faults: Fault, shares: bool = False) -> ListenerFaults:
    """The proxy's listener, which dials build-linux; its faults are there since now."""
    clock = Clock(1)
    found = ListenerFaults(clock, ("proxy", "build-linux"), shares=shares)
    found.follow([Laid(each, clock.now()) for each in faults])
    return found


async def test_a_listener_has_its_own_faults_and_its_build_vms() -> None:
    """Others' are none of its business."""
    faults = (at_proxy(Delay(seconds=1), "a"), at_proxy(Mute(), "b", hop="load-balancer"))
    found = listener(*faults, at_proxy(Delay(seconds=1), "c", hop="build-linux"))

    assert [each.fault.name for each in found.all] == ["a", "c"]
    assert [(fault.name, number) for fault, number in found.on_connection(1)] == [("a", 1), ("c", 1)]


async def test_connections_are_counted_from_when_a_fault_was_added() -> None:
    """The second connection after the fault is its second, whatever came before; one that is open has none."""
    found = listener()
    opened = [found.next_number() for _ in range(3)]
    found.follow([Laid(at_proxy(Delay(seconds=1), nth=2), 0)])
    numbers = [found.next_number() for _ in range(3)]

    assert [bool(found.on_connection(each)) for each in [*opened, *numbers]] == [*[False] * 4, True, False]


async def test_a_listener_answers_as_its_fault_has_it() -> None:
    """Attempts fall, and it says by which fault; removed, they are let in."""
    found = listener(at_proxy(DropSyn()))
    here = found.dropping()

    assert found.posture(Posture.to_all(Answer.OPEN)) == Posture.to_all(Answer.DROP)
    assert here
    assert here.name == "it"
    found.follow([])
    assert found.posture(Posture.to_all(Answer.OPEN)) == Posture.to_all(Answer.OPEN)
    assert found.dropping() is None


@pytest.mark.parametrize("shares", [True, False])
async def test_a_share_is_drawn_once(shares: bool) -> None:  # noqa: FBT001 - a table
    """By the kernel where the sources are the clients', once accepted where they are another hop's."""
    found = listener(at_proxy(DropSyn(), share=0.5), shares=shares)
    kept = [number for number in range(100) if found.at_accept(number)]

    assert (found.posture(Posture.to_all(Answer.OPEN)) != Posture.to_all(Answer.OPEN)) is shares
    assert bool(kept) is not shares
    assert len(kept) < 75


async def test_a_share_behind_the_balancers_own_draw_is_decided_once_accepted() -> None:
    """Two proxies of which one is denied: the kernel draws the proxy already, and the share is not all."""
    found = listener(at_proxy(DropSyn(), share=0.5), shares=True)
    spread = Spread(1, by_port=True, backends=((1, Answer.OPEN), (2, Answer.DROP)))
    drawn = Posture((SourceClass(None, (0, 65535), spread),))

    assert found.posture(drawn) == drawn
    assert 25 < len([number for number in range(100) if found.at_accept(number)]) < 75
    assert found.posture(Posture.to_all(Answer.OPEN)) != Posture.to_all(Answer.OPEN)
    assert [number for number in range(100) if found.at_accept(number)] == []


async def test_one_connection_to_a_build_vm_fails() -> None:
    """One of them alone is met beyond the listener; what is for all is the world's condition."""
    found = listener(
        at_proxy(Refuse(), "one", hop="build-linux", nth=2), at_proxy(Refuse(), "all", hop="build-linux")
    )
    beyond = [found.beyond(number, "build-linux") for number in (1, 2, 3)]

    assert [each.name if each else None for each in beyond] == [None, "one", None]


@pytest.mark.parametrize(("effect", "seconds"), [(Mute(), 0.0), (SlowAccept(seconds=3), 3.0)])
async def test_a_build_vm_that_does_not_serve(effect: Effect, seconds: float) -> None:
    """Its connection is made, and nothing passes on it; at the listener's own hop it is kept before that."""
    found = listener(at_proxy(effect, hop="build-linux"), at_proxy(Mute(), "own"))
    kept = found.at_accept(1)

    assert [fault.effect for fault, _ in found.on_connection(1)] == [Stall(seconds=seconds), Mute()]
    assert kept
    assert kept.name == "own"
