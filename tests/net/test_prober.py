"""Health probes on real sockets: what a backend sees of them."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from emulator.clock import Clock
from emulator.model.world import World
from emulator.net.addresses import Loopback
from emulator.net.pipes import pipe_pool
from emulator.net.prober import probing
from emulator.net.scene import Scene
from emulator.observe import Event
from emulator.wire import link_header
from tests.net.tcp import received
from tests.rules.test_link_header import linked

pytestmark = pytest.mark.network
PORTS = (60000, 60001)


class Backend:
    """A proxy VM's two ports, played by the test."""

    def __init__(self, scene: Scene, sockets: dict[int, socket.socket]) -> None:
        self.scene = scene
        self.sockets = sockets

    async def probe(self, port: int = 60001) -> socket.socket:
        """The next connection to a port."""
        connection, _ = await asyncio.get_running_loop().sock_accept(self.sockets[port])
        return connection


@contextlib.contextmanager
def listeners(scene: Scene) -> Iterator[dict[int, socket.socket]]:
    """A listener for each port of the proxy, where the scene expects it."""
    address = scene.world.interface_of(scene.world.proxies[0]).address
    with contextlib.ExitStack() as stack:
        found = {}
        for port in PORTS:
            bound = stack.enter_context(contextlib.closing(socket.create_server((scene.loopback.of(address), 0))))
            bound.setblocking(False)
            scene.ports[address, port] = bound.getsockname()[1]
            found[port] = bound
        yield found


@contextlib.asynccontextmanager
async def probed(world: World, *, scale: float = 100.0) -> AsyncIterator[Backend]:
    """A backend that is probed until the body ends."""
    async with pipe_pool() as pipes:
        events: list[Event] = []
        scene = Scene(world, Clock(scale), events.append, Loopback(), pipes, secrets.token_bytes(32))
        with listeners(scene) as sockets:
            async with probing(scene):
                yield Backend(scene, sockets)


@pytest.mark.parametrize(("sent", "bytes_seen"), [(False, b""), (True, link_header.of_probe())])
async def test_a_probe_is_a_handshake_and_a_close(sent: bool, bytes_seen: bytes) -> None:  # noqa: FBT001 - a column
    """With `enableProxyProtocol` private link's header stands between, LOCAL: without client information."""
    async with probed(linked(sent=sent, read=sent)) as backend:
        with await backend.probe() as connection:
            connection.setblocking(False)
            assert await received(connection) == (bytes_seen, True)
