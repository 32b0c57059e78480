"""A machine that restarts, on loopback."""

import asyncio
import socket

import pytest

from emulator.machines.power import Power
from emulator.net import filters
from emulator.net.listener import bind, listening

pytestmark = pytest.mark.network


def knock(port: int) -> str:
    """How a dial ends: open, refused or silent."""
    with socket.socket() as client:
        client.settimeout(0.3)
        try:
            client.connect(("127.0.0.1", port))
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silent"
        return "open"


async def test_falls_silent_refuses_and_comes_back() -> None:
    """Connections end, then dials are dropped, then refused, then taken again; each change is told once."""
    heard: list[str] = []
    told: list[str] = []
    entered = asyncio.Event()

    async def serve(connection: socket.socket) -> None:
        entered.set()
        await asyncio.Event().wait()

    async def knocking(seconds: float) -> None:
        heard.append(f"{seconds:g} {await asyncio.to_thread(knock, port)}")

    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    power = Power(silent=1, refused=2, tell=lambda event, _: told.append(event))
    up = asyncio.Event()
    async with listening(serve, bound) as listener, asyncio.TaskGroup() as group:
        listener.listen()
        running = group.create_task(
            power.run([listener], forget=lambda: told.append("forgot"), started=up.set, sleep=knocking)
        )
        with await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port)) as client:
            await entered.wait()
            power.ask()
            await up.wait()
            assert await asyncio.to_thread(client.recv, 1) == b""
        assert await asyncio.to_thread(knock, port) == "open"
        running.cancel()

    assert heard == ["1 silent" if filters.supported() is None else "1 refused", "2 refused"]
    assert told == ["MachineRestarting", "forgot", "MachineStarted"]
