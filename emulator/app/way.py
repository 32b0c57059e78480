"""The way to a build VM for our own clients: straight, or through a proxy VM that wants to be told its target."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from emulator.app.status import Endpoint
from emulator.errors import PeerError
from emulator.net import proxy_modes
from emulator.net.dial import DialFailure, dial
from emulator.net.listener import bind, listening
from emulator.net.pipes import PipePool, pipe_pool
from emulator.net.relay import Relay

PATIENCE = 60.0
"""Real seconds for a proxy to connect."""


@contextlib.asynccontextmanager
async def way(endpoint: Endpoint) -> AsyncIterator[tuple[str, int]]:
    """An address at which a client that knows of no proxy reaches the build VM, while the body runs."""
    if endpoint.mode is None or endpoint.mode == "tcp-forward" or endpoint.target is None:
        yield endpoint.host, endpoint.port
        return
    host, _, port = endpoint.target.rpartition(":")
    entry = endpoint.host, endpoint.port
    if endpoint.mode == "ssh-jump":
        from emulator.channels import ssh

        jump = ssh.SshChannel(*entry, endpoint.username, endpoint.private_key, endpoint.password)
        async with ssh.forwarded(jump, (host, int(port))) as local:
            yield "127.0.0.1", local
        return
    async with _told(endpoint, endpoint.mode, (host, int(port))) as local:
        yield "127.0.0.1", local


@contextlib.asynccontextmanager
async def _told(endpoint: Endpoint, mode: proxy_modes.Told, target: tuple[str, int]) -> AsyncIterator[int]:
    """A local port; each connection to it goes to the proxy, which is told its target."""
    async with pipe_pool() as pipes:

        async def serve(connection: socket.socket) -> None:
            with contextlib.suppress(OSError, PeerError):  # the client sees its connection end
                await _through((endpoint.host, endpoint.port), mode, target, connection, pipes)

        async with listening(serve, bind("127.0.0.1", 0)) as listener:
            listener.listen()
            yield int(listener.socket.getsockname()[1])


async def _through(
    entry: tuple[str, int], mode: proxy_modes.Told, target: tuple[str, int], near: socket.socket, pipes: PipePool
) -> None:
    far = await dial(None, entry, seconds=PATIENCE)
    if isinstance(far, DialFailure):
        return
    with far:
        async with asyncio.timeout(PATIENCE):
            await proxy_modes.ask(mode, far, *target)
        await Relay(near, far, pipes).run()
