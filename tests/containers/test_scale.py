"""Three proxies behind the balancer, and thousands of connections through the containers."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

import pytest

from emulator.app.trial import client_hello
from emulator.clock import wall_time
from emulator.control.engine import Composed
from tests.containers.clients import SERVED, Event, Where, exact, is_event, met, observed
from tests.containers.stack import Stack

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900), pytest.mark.xdist_group("containers")]
PROXIES = ("proxy", "proxy-2", "proxy-3")
FLOWS, SHARE = 300, 0.2
HELD = 60
MANY = 5000
AT_ONCE = 8
"""Connections that are made at a time: OpenSSH refuses some from ten on that have not logged in."""


@pytest.fixture(scope="module")
def three(quick: Stack) -> Iterator[Stack]:
    """The quick channel with three proxies."""
    scale(quick, 3)
    yield quick
    scale(quick, 1)


def scale(stack: Stack, count: int) -> None:
    """Have so many proxies."""
    stack.compose("up", "--detach", "--wait", "--no-recreate", "--scale", f"proxy={count}")


async def all_up(stack: Stack, since: str = "") -> None:
    """Wait until the balancer believes both probes of each proxy."""
    told = observed(stack)
    for name in PROXIES:
        await told.many(2, is_event("BackendUp", backend=name), since)


@contextlib.asynccontextmanager
async def connected(where: Where, count: int, at_once: int = AT_ONCE) -> AsyncIterator[Sequence[socket.socket]]:
    """So many connections, held until the body ends."""
    loop, limit = asyncio.get_running_loop(), asyncio.Semaphore(at_once)
    with contextlib.ExitStack() as stack:
        found = [stack.enter_context(contextlib.closing(socket.socket())) for _ in range(count)]

        async def connect(each: socket.socket) -> None:
            each.setblocking(False)
            async with limit:
                await loop.sock_connect(each, where)

        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for each in found:
                group.create_task(connect(each))
        yield found


async def is_served(connection: socket.socket, seconds: float = 60.0) -> bool:
    """Whether the Windows build VM answers the first flight of TLS."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(seconds):
            await loop.sock_sendall(connection, HELLO)
            return bool(await loop.sock_recv(connection, 65536))
    except OSError:
        return False


HELLO = client_hello()


def port(connection: socket.socket) -> int:
    """Its port on this machine."""
    return int(connection.getsockname()[1])


async def test_flows_spread(three: Stack) -> None:
    """Of 300 flows each of three proxies gets a fifth or more."""
    await all_up(three)
    since, limit = wall_time(), asyncio.Semaphore(AT_ONCE)

    async def once() -> str:
        async with limit:
            return await met(exact(three), 20.0)

    assert set(await asyncio.gather(*(once() for _ in range(FLOWS)))) == {SERVED}
    closes = await observed(three).many(FLOWS, is_close_at_proxy, since, 60.0)
    counts = Counter(event["hop"] for event in closes)
    print(f"{FLOWS} flows over three proxies: {dict(counts)}")

    assert set(counts) == set(PROXIES)
    assert min(counts.values()) >= SHARE * FLOWS


def is_close_at_proxy(event: Event) -> bool:
    """Whether a proxy tells of a connection that ended."""
    return event.get("kind") == "close" and event["hop"] in PROXIES


async def test_a_proxy_that_dies_loses_its_own_flows(three: Stack) -> None:
    """Killing one of three proxies ends the flows that it carried and no other; new ones go to the other two."""
    await all_up(three)
    composed, windows, since = Composed(three.project), exact(three, 60000), wall_time()
    async with connected(windows, HELD) as flows:
        await asyncio.gather(*(is_carried(each) for each in flows))
        await asyncio.to_thread(composed.kill, "proxy-2")
        try:
            await observed(three).many(2, is_event("BackendDown", backend="proxy-2"), since)
            ended = [event for event in observed(three)(is_close_by_second, since) if event["how"] in ("fin", "rst")]
            lost = {int(event["client"].rpartition(":")[2]) for event in ended}
            served = {
                port(each): ok for each, ok in zip(flows, await asyncio.gather(*map(is_served, flows)), strict=True)
            }
            again = await asyncio.gather(*(met(exact(three), 20.0) for _ in range(AT_ONCE)))
            others = {event["hop"] for event in await observed(three).many(AT_ONCE, is_close_at_proxy, since)}
        finally:
            back = wall_time()
            await asyncio.to_thread(composed.start, "proxy-2")
            await observed(three).many(2, is_event("BackendUp", backend="proxy-2"), back)

    assert 0 < len(lost) < HELD
    assert {each for each, ok in served.items() if not ok} == lost
    assert set(again) == {SERVED}
    assert others <= {"proxy", "proxy-3"}
