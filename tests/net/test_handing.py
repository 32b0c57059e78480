"""A connection handed to a transport is closed once, also when the transport fails as it begins."""

import asyncio
import contextlib
import gc
import os
import socket

import pytest

from emulator.net.handing import handed
from tests.net.conftest import Run
from tests.net.tcp import exactly, pair, received

pytestmark = pytest.mark.network


class Failing(asyncio.Protocol):
    """A protocol that a connection which is gone already makes fail."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raise ConnectionResetError("gone already")


def test_a_transport_has_its_own(run: Run) -> None:
    """It carries on when ours is closed."""

    async def body() -> None:
        with pair() as (client, accepted):
            with handed(accepted) as own:
                reader, writer = await asyncio.open_connection(sock=own)
            accepted.close()
            client.send(b"ping")
            assert await reader.readexactly(4) == b"ping"
            writer.close()
            await writer.wait_closed()
            assert await received(client) == (b"", True)

    run(body())


def test_a_transport_that_fails_takes_nobody_along(run: Run) -> None:
    """Whoever has the number of its descriptor afterwards keeps it."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        with pair() as (_, accepted), contextlib.ExitStack() as stack:
            with contextlib.suppress(ConnectionResetError), handed(accepted) as own:
                number = own.fileno()
                transport, _ = await loop.create_connection(Failing, sock=own)
                transport.abort()
                raise ConnectionResetError
            others = [stack.enter_context(pair()) for _ in range(8)]
            numbers = {each.fileno() for other in others for each in other}
            del own
            gc.collect()
            await asyncio.sleep(0)
            for left, right in others:
                left.send(b"alive")
                assert await exactly(right, 5) == b"alive"
            assert len(numbers) == 16
            assert number >= 0

    run(body())


def fail(connection: socket.socket, state: str, other: socket.socket) -> tuple[socket.socket, int]:
    """Hand a connection over to what fails, its descriptor in a state by then: the socket and its number."""
    with contextlib.suppress(ConnectionResetError), handed(connection) as own:
        number = own.fileno()
        if state != "ours":
            os.close(number)
        if state == "another's":
            os.dup2(other.fileno(), number)
        raise ConnectionResetError
    return own, number


@pytest.mark.parametrize("state", ["ours", "closed", "another's"])
def test_its_descriptor_is_closed_if_it_is_still_ours(state: str) -> None:
    """Ours is closed; one that is closed already, or another's by now, is left alone."""
    with pair() as (client, accepted):
        own, number = fail(accepted, state, client)
        assert own.fileno() == -1
        if state == "another's":
            with socket.socket(fileno=number) as other:
                assert other.getsockname() == client.getsockname()
        else:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(number)
