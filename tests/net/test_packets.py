"""Packet faults in the kernel: what their filters lose, and what they let through."""

import asyncio
import socket

import pytest

from emulator.net import filters
from emulator.net.packets import compile_packets
from emulator.net.watched import segments
from emulator.rules.faults.kinds import Delay, Effect, Loss, Mtu, OneWay
from tests.net.conftest import Run
from tests.net.tcp import exactly, pair

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(filters.supported() is not None, reason=str(filters.supported())),
]
PATIENCE = 0.3
"""Seconds in which nothing is to arrive."""


async def silent(connection: socket.socket) -> None:
    """Nothing arrives on a connection for a while."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_recv(connection, 1)


def lose(connection: socket.socket, *effects: Effect) -> None:
    """Have the kernel lose what these effects lose of what comes in."""
    program = compile_packets(effects)
    assert program
    filters.attach(connection, program)


def test_without_an_effect_there_is_no_program() -> None:
    """Nothing to lose, nothing to attach."""
    assert compile_packets(()) is None


@pytest.mark.parametrize("effect", [OneWay(), Loss(percent=100)])
def test_everything_is_lost_until_it_is_removed(run: Run, effect: Effect) -> None:
    """Nothing arrives; once the filter is gone TCP sends it again."""

    async def body() -> None:
        with pair() as (sender, receiver):
            lose(receiver, effect)
            sender.send(b"lost")
            await silent(receiver)
            filters.detach(receiver)
            async with asyncio.timeout(20):
                assert await exactly(receiver, 4) == b"lost"

    run(body())


def test_large_packets_vanish_and_small_ones_pass(run: Run) -> None:
    """A path-MTU black hole: a short message arrives, a long one does not."""

    async def body() -> None:
        with pair() as (sender, receiver):
            lose(receiver, Mtu(size=1400))
            sender.send(bytes(1300))
            assert await exactly(receiver, 1300)
            sender.send(bytes(3000))
            await silent(receiver)

    run(body())


def test_some_packets_are_lost_and_sent_again(run: Run) -> None:
    """At a third of packets lost all bytes arrive, with retransmissions."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        with pair() as (sender, receiver):
            lose(receiver, Loss(percent=30))
            sent = 0
            for number in range(40):
                await loop.sock_sendall(sender, bytes([number]) * 100)
                async with asyncio.timeout(60):
                    assert await exactly(receiver, 100) == bytes([number]) * 100
                sent += 1
            went = segments(sender)[1]
            assert went > sent + 3

    run(body())


def test_effects_add_up(run: Run) -> None:
    """Two of them lose what either loses."""

    async def body() -> None:
        with pair() as (sender, receiver):
            lose(receiver, Mtu(size=1400), Loss(percent=0), OneWay())
            sender.send(b"x")
            await silent(receiver)

    run(body())


def test_other_effects_lose_nothing(run: Run) -> None:
    """What is no packet's effect lets everything pass."""

    async def body() -> None:
        with pair() as (sender, receiver):
            lose(receiver, Delay(seconds=1))
            sender.send(b"x")
            assert await exactly(receiver, 1) == b"x"

    run(body())
