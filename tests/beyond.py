"""A server of this machine's that stands for one on the Internet, and a channel whose build VM may reach it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.machines.sandbox.host import probe_sandbox
from emulator.observe import Record
from tests.app.test_run import seen

PUBLIC = "203.0.113.50"
"""An address for documentation, which is public to the rules."""
SAY = "echo hello >&3; cat <&3"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say a line back, with who asked for it; an HTTP request gets an answer as well."""
    line = await reader.readline()
    if line.startswith(b"GET "):
        while (await reader.readline()).strip():
            pass
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nyes")
    else:
        writer.write(b"you said " + line)
    writer.close()


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[str]:
    """It answers at `HOST:PORT`."""
    async with await asyncio.start_server(_answer, "127.0.0.1", 0) as serving:
        host, port = serving.sockets[0].getsockname()
        yield f"{host}:{port}"


@contextlib.asynccontextmanager
async def networked(**settings: Any) -> AsyncIterator[Channel]:
    """A channel with a sandbox that has a network; `PUBLIC` and www.example.com are a server of this machine's."""
    if reason := await probe_sandbox():
        pytest.skip(reason)
    async with server() as place:
        mapped = {PUBLIC: place, "www.example.com": place, **settings.pop("more", {})}
        async with start(guest="sandbox", outbound={"map": mapped, "dial": False}, **settings) as channel:
            outlet = channel.keepers["build-linux"].outlet
            assert outlet is not None
            assert not outlet.lost
            yield channel


async def tried(channel: Channel, address: str = PUBLIC, port: int = 4711, then: str = "echo connected") -> str:
    """What a guest's command meets: `connected` (or what `then` prints), `refused`, or `silent` for a while."""
    line = f"timeout 2 bash -c 'exec 3<>/dev/tcp/{address}/{port} && {{ {then}; }}' 2>&1"
    outcome = await channel.run("linux", line)
    said = outcome.stdout.decode().strip()
    return "silent" if outcome.exit_code == 124 else "refused" if "Connection refused" in said else said


async def recorded(channel: Channel, address: str = PUBLIC, port: int = 4711) -> Record:
    """The build VM's record of its last connection to an address and port."""
    return await seen(channel, lambda each: each.hop == "build-linux" and each.to == f"{address}:{port}", 10)
