"""Health probes on real sockets: what a backend sees of them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from emulator.model.world import World
from emulator.net.prober import probing
from emulator.net.scene import Scene
from emulator.observe import Event, Observation
from emulator.wire import link_header
from tests.net.scenes import scene
from tests.net.tcp import received
from tests.rules.test_link_header import linked
from tests.worlds import world

pytestmark = pytest.mark.network
PORTS = (60000, 60001)


class Backend:
    """A proxy VM's two ports, played by the test."""

    def __init__(self, playing: Scene, sockets: dict[int, socket.socket], told: asyncio.Queue[Event]) -> None:
        self.scene = playing
        self.sockets = sockets
        self.told = told

    async def probe(self, port: int = 60001) -> socket.socket:
        """The next connection to a port."""
        connection, _ = await asyncio.get_running_loop().sock_accept(self.sockets[port])
        return connection

    async def answers(self, status: bytes) -> str:
        """Read the next request of HTTP, answer it with a status, and return its first line."""
        loop = asyncio.get_running_loop()
        with await self.probe() as connection:
            connection.setblocking(False)
            asked = await loop.sock_recv(connection, 4096)
            await loop.sock_sendall(connection, b"HTTP/1.1 " + status + b"\r\n\r\n")
            await loop.sock_recv(connection, 1)  # its end
        return asked.split(b"\r\n")[0].decode()

    async def flip(self) -> tuple[str, str]:
        """The next word of the balancer on this backend: which, and the sentence."""
        found = await self.told.get()
        assert isinstance(found, Observation)
        return found.event, found.sentence


@contextlib.contextmanager
def listeners(playing: Scene) -> Iterator[dict[int, socket.socket]]:
    """A listener for each port of the proxy, where the scene expects it."""
    address = playing.world.interface_of(playing.world.proxies[0]).address
    with contextlib.ExitStack() as stack:
        found = {}
        for port in PORTS:
            bound = stack.enter_context(contextlib.closing(socket.create_server((playing.loopback.of(address), 0))))
            bound.setblocking(False)
            playing.ports[address, port] = bound.getsockname()[1]
            found[port] = bound
        yield found


@contextlib.asynccontextmanager
async def probed(world: World, *, scale: float = 20.0) -> AsyncIterator[Backend]:
    """A backend that is probed until the body ends."""
    told: asyncio.Queue[Event] = asyncio.Queue()
    async with scene(world, scale=scale, observer=told.put_nowait) as playing:
        with listeners(playing) as sockets:
            async with probing(playing):
                yield Backend(playing, sockets, told)


@pytest.mark.parametrize(("sent", "bytes_seen"), [(False, b""), (True, link_header.of_probe())])
async def test_a_probe_is_a_handshake_and_a_close(sent: bool, bytes_seen: bytes) -> None:  # noqa: FBT001 - a column
    """With `enableProxyProtocol` private link's header stands between, LOCAL: without client information."""
    async with probed(linked(sent=sent, read=sent)) as backend:
        with await backend.probe() as connection:
            connection.setblocking(False)
            assert await received(connection) == (bytes_seen, True)


def probing_by(**fields: Any) -> World:
    """The default world with one probe, of 60001, with other fields."""
    found = world()
    assert found.balancer
    probe = next(each for each in found.balancer.probes if each.port == 60001)
    return found.laid(replace(found.balancer, probes=(replace(probe, **fields),)))


async def test_by_http_a_status_decides_at_once() -> None:
    """The path is asked for; 200 marks up, any other status down, whatever the threshold."""
    async with probed(probing_by(protocol="Http", request_path="/up", threshold=3)) as backend:
        assert await backend.answers(b"200 OK") == "GET /up HTTP/1.1"
        assert (await backend.flip())[0] == "BackendUp"
        await backend.answers(b"503 Service Unavailable")
        event, sentence = await backend.flip()
        assert event == "BackendDown"
        assert "probe-60001 marks proxy down: proxy at 10.60.0.7:60001 by Http answered 503" in sentence
        await backend.answers(b"200 OK")
        assert (await backend.flip())[0] == "BackendUp"


async def test_by_http_silence_counts_to_the_threshold() -> None:
    """Who accepts and never answers is down after as many timeouts, of 30 s, as `probeThreshold` says."""
    async with probed(probing_by(protocol="Http", request_path="/up", threshold=3)) as backend:
        await backend.answers(b"200 OK")
        assert (await backend.flip())[0] == "BackendUp"
        began = asyncio.get_running_loop().time()
        for _ in range(3):
            assert backend.told.empty()
            with await backend.probe() as connection:
                connection.setblocking(False)
                while await asyncio.get_running_loop().sock_recv(connection, 4096):
                    pass
        assert (await backend.flip())[0] == "BackendDown"
        assert asyncio.get_running_loop().time() - began >= 3 * 30 / 20


async def test_by_tcp_the_interval_and_number_of_probes_count() -> None:
    """A probe goes out each interval; refused as often as `numberOfProbes` says, the backend is down."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with probed(probing_by(interval=20, threshold=None, number_of_probes=2)) as backend:
        (await backend.probe()).close()
        assert (await backend.flip())[0] == "BackendUp"
        (await backend.probe()).close()
        assert loop.time() - began >= 1.0
        backend.sockets[60001].close()
        began = loop.time()
        event, sentence = await backend.flip()
        assert event == "BackendDown"
        assert "refused the connection" in sentence
        assert loop.time() - began >= 1.0
