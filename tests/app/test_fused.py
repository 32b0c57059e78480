"""A connection that one relay carries through both hops is told of as one that each hop carries by itself."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.net.relay import LINGER_RST
from emulator.observe import Record
from tests.app.test_run import client, connects, deny, entry, hears, seen
from tests.net.tcp import exactly, reset

pytestmark = pytest.mark.network
GREETING = b"SSH-2.0-own\r\n"
Ends = tuple[socket.socket, asyncio.StreamWriter]


@dataclass
class Server:
    """Greets everybody, and keeps the connections of those that say hello."""

    place: str
    kept: asyncio.Queue[asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Such a server."""
    kept: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await reader.readexactly(5)
            kept.put_nowait(writer)
            while data := await reader.read(1 << 16):
                writer.write(data)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        yield Server(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", kept)


@contextlib.asynccontextmanager
async def carried(channel: Channel, server: Server) -> AsyncIterator[Ends]:
    """A client's connection through the channel, over which something has passed both ways, and its far end."""
    with client() as near:
        assert await connects(near, entry(channel), 5) == "connected"
        near.send(b"hello")
        assert await exactly(near, len(GREETING)) == GREETING
        async with asyncio.timeout(5):
            writer = await server.kept.get()
        yield near, writer


async def client_closes(_: Channel, near: socket.socket, __: asyncio.StreamWriter) -> None:
    near.close()


async def client_resets(_: Channel, near: socket.socket, __: asyncio.StreamWriter) -> None:
    reset(near)


async def build_vm_closes(_: Channel, near: socket.socket, far: asyncio.StreamWriter) -> None:
    far.close()
    assert await hears(near, 5) == b""
    near.close()


async def build_vm_resets(_: Channel, near: socket.socket, far: asyncio.StreamWriter) -> None:
    far.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
    far.transport.abort()
    with pytest.raises(ConnectionResetError):
        await hears(near, 5)


async def proxy_service_stops(channel: Channel, near: socket.socket, _: asyncio.StreamWriter) -> None:
    await channel.stop("proxy")
    assert await hears(near, 5) == b""
    near.close()


async def a_fault_resets(channel: Channel, near: socket.socket, _: asyncio.StreamWriter) -> None:
    channel.add_fault("reset", hop="proxy", name="cut")
    near.send(b"and on")
    with contextlib.suppress(ConnectionResetError):
        while await hears(near, 5):
            pass


async def a_rule_cuts_the_second_leg(channel: Channel, near: socket.socket, _: asyncio.StreamWriter) -> None:
    await channel.apply(deny("NoBuild", 300, 22))
    near.close()


Ending = Callable[[Channel, socket.socket, asyncio.StreamWriter], Awaitable[None]]
ENDINGS: tuple[Ending, ...] = (
    client_closes,
    client_resets,
    build_vm_closes,
    build_vm_resets,
    proxy_service_stops,
    a_fault_resets,
    a_rule_cuts_the_second_leg,
)


SHOWN = ("kind", "hop", "leg", "source", "to", "ended_by", "how", "reason", "faults")
COUNTED = ("bytes_from_client", "bytes_to_client")


async def both(channel: Channel, port: int) -> list[Record]:
    """The records of the flow from a client's port, at the balancer and at the proxy VM."""
    found: dict[str, Record] = {}
    async with asyncio.timeout(10):
        async for event in channel.follow():
            if isinstance(event, Record) and event.source.endswith(f":{port}"):
                found[event.hop] = event
            if len(found) == 2:
                break
    return [found[hop] for hop in sorted(found)]


async def told(ending: Ending, *, fused: bool) -> list[dict[str, str]]:
    """What the records of both hops say of a connection that ends so, with its port written as N."""
    async with (
        serving() as server,
        start(
            guest="builtin",
            listen="auto",
            builds={"linux": server.place},
            fused=fused,
            switches={"rule_change": "cut"},
        ) as channel,
        carried(channel, server) as (near, far),
    ):
        port = str(near.getsockname()[1])
        await ending(channel, near, far)
        records = await both(channel, int(port))
    assert len({each.flow for each in records}) == 1
    return [{name: str(getattr(each, name)).replace(port, "N") for name in (*SHOWN, *COUNTED)} for each in records]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_records_are_the_same(ending: Ending) -> None:
    """Whoever ends it, and however, both hops' records say so, whether one relay carried it or two."""
    assert await told(ending, fused=True) == await told(ending, fused=False)


def connections_of(port: int) -> int:
    """Established TCP connections to or from a port of this machine, each end counted."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = [line.split()[1:4] for line in lines]
    return sum(f":{port:04X}" in f"{local} {remote}" and state == "01" for local, remote, state in ends)


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="connections are counted where Linux lists them")
@pytest.mark.parametrize(("fused", "ends"), [(True, 0), (False, 2)])
async def test_there_is_a_connection_between_the_hops_only_if_need_be(*, fused: bool, ends: int) -> None:
    """One relay needs none to the proxy VM's listener."""
    async with (
        serving() as server,
        start(guest="builtin", listen="auto", builds={"linux": server.place}, fused=fused) as channel,
        carried(channel, server),
    ):
        scene = channel.scene
        (proxy,) = scene.world.proxies
        _, port = scene.transport(scene.world.interface_of(proxy).address, 60001)
        assert connections_of(port) == ends


async def test_a_fault_that_comes_and_goes_parts_it_and_harms_no_byte() -> None:
    """Bytes before, under and after a delay at the proxy VM come back in order; its record alone names the fault."""
    async with (
        serving() as server,
        start(guest="builtin", listen="auto", builds={"linux": server.place}) as channel,
        carried(channel, server) as (near, _),
    ):
        port = near.getsockname()[1]
        for number in range(30):
            if number == 10:
                channel.add_fault("delay", hop="proxy", name="late", seconds=0.01)
            if number == 20:
                channel.remove_fault("late")
            word = b"%05d" % number
            near.send(word)
            assert await exactly(near, 5) == word
        near.close()
        balancer, proxy = await both(channel, port)

    assert (balancer.hop, balancer.faults, proxy.faults) == ("load-balancer", (), ("late",))
    assert balancer.bytes_from_client == proxy.bytes_from_client == 155


async def test_what_the_build_vm_keeps_alive_is_idle_for_the_balancer() -> None:
    """A keepalive of the build VM ends at the proxy VM: the balancer forgets the flow, the proxy VM does not."""
    async with (
        serving() as server,
        start(guest="builtin", listen="auto", builds={"linux": server.place}, time_scale=100) as channel,
        carried(channel, server) as (near, far),
    ):
        port = near.getsockname()[1]
        kept = far.get_extra_info("socket")
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL):
            kept.setsockopt(socket.IPPROTO_TCP, option, 1)
        record = await seen(channel, lambda each: each.source.endswith(f":{port}"), 20)

    assert (record.hop, record.how, record.reason.kind) == ("load-balancer", "drop", "timer")
