"""Dialling what lies at the far end of a leg."""

import asyncio
import socket
from dataclasses import replace
from ipaddress import IPv4Address

from emulator.net import hop_header, records
from emulator.net.dial import DialFailure
from emulator.net.reaching import reached
from emulator.net.scene import Scene
from emulator.rules.legs import Leg
from tests.net.conftest import Run
from tests.net.scenes import scene
from tests.worlds import world

PROXY = (IPv4Address("10.60.0.7"), 60001)


def leg_to_the_proxy(playing: Scene) -> Leg:
    """The last leg of the first segment."""
    found = playing.decide("linux", 50000).end(1)
    return replace(found, flow=replace(found.flow, destination=PROXY[0], destination_port=PROXY[1]))


def test_the_far_end_is_told_who_comes(run: Run) -> None:
    """The hop header with Azure's addresses, then what private link says first."""

    async def body() -> None:
        async with scene(world()) as playing:
            with socket.create_server((playing.loopback.of(PROXY[0]), 0)) as far:
                playing.ports[PROXY] = far.getsockname()[1]
                leg = leg_to_the_proxy(playing)
                which = records.passage("load-balancer", leg.name, ("127.0.0.1", 1), leg.flow, backend="proxy")
                near = await reached(playing, which, leg, seconds=10, first=b"first")
                assert isinstance(near, socket.socket)
                with near, far.accept()[0] as accepted:
                    accepted.setblocking(False)
                    header = await hop_header.receive(accepted, playing.key)
                    heard = await asyncio.get_running_loop().sock_recv(accepted, 100)

        assert (header.flow, str(header.addresses.destination), heard) == (which.name, "10.60.0.7", b"first")

    run(body())


def test_nobody_there_is_named(run: Run) -> None:
    """A refusal by its hop."""

    async def body() -> None:
        async with scene(world()) as playing:
            with socket.socket() as unused:
                unused.bind((playing.loopback.of(PROXY[0]), 0))
                playing.ports[PROXY] = unused.getsockname()[1]
                leg = leg_to_the_proxy(playing)
                which = records.passage("load-balancer", leg.name, ("127.0.0.1", 1), leg.flow, backend="proxy")
                found = await reached(playing, which, leg, seconds=10)

        assert isinstance(found, DialFailure)
        assert found.kind == "refused"
        assert found.sentence.startswith("proxy at ")

    run(body())
