"""Tell of each flow what Azure's flow logs have of it: its beginning, every five minutes, its end, or its denial."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.net.relay import Relay
from emulator.net.watched import Side
from emulator.rules.flow_points import Point
from emulator.wire.flow_log import Counts, State, Tuple

INTERVAL = 300.0
"""Emulated seconds between two tuples of a flow that goes on (azure.md 2.7)."""
HEADERS = 40
"""Bytes of IPv4 and TCP headers in each packet: Azure counts them, options aside."""
PROBE = Counts(4, 4 * HEADERS, 3, 3 * HEADERS)
"""A health probe that was answered: a handshake and a close."""

Tell = Callable[[Tuple], None]
Counter = Callable[[], Counts]


@dataclass(slots=True)
class _Open:
    """A flow under way, and what was told of it last."""

    points: Sequence[Point]
    counter: Counter
    told: Counts


class Traffic:
    """The flows of one process."""

    def __init__(self, tell: Tell, clock: Clock) -> None:
        self._tell = tell
        self._clock = clock
        self._flows: dict[int, _Open] = {}

    def denied(self, points: Iterable[Point]) -> None:
        """An attempt came to nothing: who denied it says so; who had let it pass, that it began and ended."""
        for point in points:
            if point.allowed:
                self._say(point, "begin", None)
                self._say(point, "end", Counts())
            else:
                self._say(point, "deny", None)

    @contextlib.contextmanager
    def carried(self, points: Sequence[Point], counter: Counter) -> Iterator[None]:
        """A flow that lasts as long as the body."""
        flow = _Open(tuple(each for each in points if each.allowed), counter, Counts())
        for point in points:
            self._say(point, "begin" if point.allowed else "deny", None)
        self._flows[id(flow)] = flow
        try:
            yield
        finally:
            del self._flows[id(flow)]
            self._count(flow, "end")

    async def run(self) -> None:
        """Tell of the flows under way on the interval, for ever."""
        while True:
            await self._clock.sleep(INTERVAL)
            for flow in tuple(self._flows.values()):
                self._count(flow, "continuing")

    def _count(self, flow: _Open, state: State) -> None:
        now = flow.counter()
        since = Counts(
            now.packets - flow.told.packets,
            now.size_bytes - flow.told.size_bytes,
            now.packets_back - flow.told.packets_back,
            now.bytes_back - flow.told.bytes_back,
        )
        flow.told = now
        for point in flow.points:
            self._say(point, state, since)

    def _say(self, point: Point, state: State, counts: Counts | None) -> None:
        flow = point.flow
        self._tell(
            Tuple(
                time=time.time(),
                group=point.group.text,
                rule=point.rule,
                interface=point.interface.text,
                mac=point.mac,
                network=point.network.text,
                region=point.region,
                direction=point.direction,
                state=state,
                source=str(flow.source),
                source_port=flow.source_port,
                destination=str(flow.destination),
                destination_port=flow.destination_port,
                counts=counts,
            )
        )


def counted(relay: Relay, at: Side) -> Counter:
    """Count a relay's packets on one side, and its bytes, from the client to the backend and back."""

    def counts() -> Counts:
        came, went = relay.segments(at)
        packets, back = (came, went) if at == "client" else (went, came)
        sent, got = relay.bytes_from_client, relay.bytes_to_client
        return Counts(packets, sent + HEADERS * packets, back, got + HEADERS * back)

    return counts


@contextlib.asynccontextmanager
async def traffic(tell: Tell, clock: Clock) -> AsyncIterator[Traffic]:
    """Tell of flows until the body ends."""
    found = Traffic(tell, clock)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(found.run())
        try:
            yield found
        finally:
            running.cancel()
