"""Faults come and go under traffic: every byte arrives, and nothing of them is left."""

import asyncio
import contextlib
import gc
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.app.channel import Channel
from emulator.net.faults import FaultyFlow
from emulator.net.faulty import FaultyDirection
from emulator.rules.faults.connection import ConnectionFaults
from tests.app.test_run import quick

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]
ROUNDS = 1000
BANNER = b"SSH-2.0-echo\r\n"
BYTES: list[dict[str, object]] = [
    {"kind": "delay", "seconds": 0.5, "jitter": 0.4},
    {"kind": "rate", "kilobytes_per_second": 50},
    {"kind": "slice", "size": 7},
    {"kind": "stall"},
    {"kind": "slow-close", "seconds": 5},
    {"kind": "loss", "percent": 30},
    {"kind": "burst-loss", "seconds": 0.2, "between": 0.1},
    {"kind": "one-way", "direction": "from-client"},
    {"kind": "mtu", "size": 600},
    {"kind": "delay", "seconds": 0.1, "at": "bytes:5000"},
    {"kind": "stall", "share": 0.5, "for": 1},
]
"""None of them loses, repeats or reorders a byte."""
LISTENERS: list[dict[str, object]] = [
    {"kind": kind} for kind in ("drop-syn", "refuse", "mute", "nat-ports") for _ in range(2)
]
HOPS = ("load-balancer", "proxy", "build-linux")


@contextlib.asynccontextmanager
async def echoing() -> AsyncIterator[str]:
    """A build VM that greets and then says what it hears; its place."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


class Traffic:
    """A connection through the whole channel that hears what it says, in order and once."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.heard = asyncio.Event()
        self._is_over = False

    async def run(self, host: str, port: int) -> int:
        """Say and hear until `stop`; how many bytes."""
        reader, writer = await asyncio.open_connection(host, port)
        with contextlib.closing(writer):
            assert await reader.readexactly(len(BANNER)) == BANNER
            count = 0
            while not self._is_over:
                said = self._draw.randbytes(self._draw.randint(1, 3000))
                writer.write(said)
                assert await reader.readexactly(len(said)) == said
                count += len(said)
                self.heard.set()
            return count

    def stop(self) -> None:
        """Enough."""
        self._is_over = True


def left() -> Counter[str]:
    """What there is of faults in this process."""
    gc.collect()
    kinds = (FaultyFlow, FaultyDirection, ConnectionFaults)
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, kinds))


def open_now() -> tuple[int, int]:
    """How many descriptors and tasks there are."""
    return len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks())


async def settled(channel: Channel, before: tuple[int, int]) -> None:
    """Wait until there are no more than before: connections end one after the other."""
    async with asyncio.timeout(30):
        while any(now > then for now, then in zip(open_now(), before, strict=True)):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await channel.scene.changed.wait()


async def shaken(channel: Channel, traffic: list[Traffic], draw: random.Random) -> None:
    """Add and remove faults, one to three at a time, each until somebody has heard something, or briefly."""
    for _ in range(ROUNDS):
        added = [
            channel.faults.add({**draw.choice(BYTES), "hop": draw.choice(HOPS), "seed": draw.randrange(99)}).name
            for _ in range(draw.randint(1, 2))
        ]
        listener = draw.choice(LISTENERS)
        hop = "load-balancer" if listener["kind"] == "nat-ports" else draw.choice(HOPS)
        added.append(channel.faults.add({**listener, "hop": hop}).name)
        one = draw.choice(traffic)
        one.heard.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.02):
                await one.heard.wait()
        for name in added:
            channel.remove_fault(name)


async def test_a_thousand_rounds_under_traffic_leave_nothing() -> None:
    """Every byte is heard, in order and once; no task, descriptor, timer or object of a fault is left."""
    async with echoing() as place, quick(time_scale=20, builds={"linux": place}) as channel:
        linux = channel.status.endpoints["linux"]
        before = open_now()
        traffic = [Traffic(seed) for seed in range(4)]
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(each.run(linux.host, linux.port)) for each in traffic]
            for each in traffic:
                await each.heard.wait()  # what drops attempts is to meet open connections alone
            await shaken(channel, traffic, random.Random(8))
            for each in traffic:
                each.stop()
        assert min(each.result() for each in running) > 10_000
        assert channel.faults.all() == []
        await settled(channel, before)
        assert left() == Counter()
