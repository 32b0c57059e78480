"""The channel ends at a machine of the user's own, which is told nothing but its client's bytes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from emulator import start
from emulator.errors import InvalidInputError, UnavailableError
from tests.app.test_run import client, connects, entry, hears

pytestmark = pytest.mark.network
GREETING = b"SSH-2.0-own\r\n"


@contextlib.asynccontextmanager
async def greeter() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that greets and notes what comes; its place, and what came."""
    heard: list[bytes] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        heard.append(await reader.read(100))
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()[:2]
        yield f"{host}:{port}", heard


@pytest.mark.parametrize("topology", ["existing-vnet", "public-ip"])
async def test_bytes_go_there_and_nothing_else(topology: str) -> None:
    """The greeting comes through, the client's bytes arrive as they are, and status says whose machine it is."""
    async with greeter() as (place, heard), start(topology=topology, builds={"linux": place}) as channel:
        with client() as connection:
            assert await connects(connection, entry(channel), 5) == "connected"
            assert await hears(connection, 5) == GREETING
            connection.send(b"hello")
            assert await hears(connection, 5) == b""
        hop = next(each for each in channel.status.hops if each.name == "build-linux")

    assert (hop.state, hop.local) == ("up", place)
    assert "not ours" in hop.detail
    assert b"hello" in heard


async def test_a_place_that_is_none() -> None:
    """A wrong form is bad input; a name that nobody knows is unavailable. Nothing starts."""
    with pytest.raises(InvalidInputError, match=r"builds\.linux: found 'nowhere', .*expected HOST:PORT"):
        async with start(builds={"linux": "nowhere"}):
            pass
    with pytest.raises(UnavailableError, match=r"builds\.linux: no\.such\.host\.invalid:22 cannot be had"):
        async with start(builds={"linux": "no.such.host.invalid:22"}):
            pass
