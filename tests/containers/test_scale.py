"""Three proxies behind the balancer, and thousands of connections through the containers."""

import asyncio
import contextlib
import resource
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import pytest

from emulator.clock import wall_time
from emulator.control.engine import Composed
from tests.containers.clients import SERVED, Event, Where, exact, is_event, is_record, met, observed
from tests.containers.stack import HOPS, Stack

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300), pytest.mark.xdist_group("containers")]
PROXIES = ("proxy", "proxy-2", "proxy-3")
FLOWS, SHARE = 300, 0.2
SOME, MANY = 60, 5000
AT_ONCE = 3
"""Connections that are made at a time: OpenSSH refuses some from ten on that have not logged in, and counts for a
moment those that have been closed."""
SPARE = 1000
"""Descriptors that the tests need beside their connections."""


@dataclass(frozen=True, slots=True)
class Held:
    """A TLS connection to the Windows build VM, held open; `port` is its own on this machine."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    port: int

    @classmethod
    async def to(cls, where: Where) -> Self:
        """Connect."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        reader, writer = await asyncio.open_connection(*where, ssl=context, ssl_handshake_timeout=120)
        return cls(reader, writer, writer.get_extra_info("sockname")[1])

    async def is_served(self) -> bool:
        """Whether a request is answered."""
        try:
            self.writer.write(b"GET /wsman HTTP/1.1\r\nHost: build\r\nContent-Length: 0\r\n\r\n")
            async with asyncio.timeout(120):
                return (await self.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 ")
        except (OSError, asyncio.IncompleteReadError):
            return False


@contextlib.asynccontextmanager
async def held(where: Where, count: int) -> AsyncIterator[Sequence[Held]]:
    """So many connections, all open at the same time, until the body ends."""
    limit = asyncio.Semaphore(100)
    found: list[Held] = []

    async def one() -> None:
        async with limit:
            found.append(await Held.to(where))

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(one())
        yield found
    finally:
        for each in found:
            each.writer.transport.abort()


@pytest.fixture(scope="module")
def three(quick: Stack) -> Iterator[Stack]:
    """The quick channel with three proxies."""
    scale(quick, 3)
    yield quick
    scale(quick, 1)


def scale(stack: Stack, count: int) -> None:
    """Have so many proxies."""
    stack.up("--no-recreate", "--scale", f"proxy={count}")


async def all_up(stack: Stack) -> None:
    """Wait until the balancer believes both probes of each proxy."""
    for name in PROXIES:
        await observed(stack).many(2, is_event("BackendUp", backend=name), "")


def is_close_at_a_proxy(event: Event) -> bool:
    """Whether a proxy tells of a connection that ended."""
    return event.get("kind") == "close" and event["hop"] in PROXIES


async def served(stack: Stack, count: int) -> list[Event]:
    """Connect so often, to be served each time; what the proxies then tell."""
    since, limit = wall_time(), asyncio.Semaphore(AT_ONCE)

    async def once() -> str:
        async with limit:
            return await met(exact(stack), 20.0)

    assert set(await asyncio.gather(*(once() for _ in range(count)))) == {SERVED}
    return list(await observed(stack).many(count, is_close_at_a_proxy, since, 60.0))


async def test_flows_spread(three: Stack) -> None:
    """Of 300 flows each of three proxies gets a fifth or more."""
    await all_up(three)
    counts = Counter(event["hop"] for event in await served(three, FLOWS))
    print(f"{FLOWS} flows over three proxies: {dict(counts)}")

    assert set(counts) == set(PROXIES)
    assert min(counts.values()) >= SHARE * FLOWS


async def test_a_proxy_that_dies_loses_its_own_flows(three: Stack) -> None:
    """Killing one of three proxies ends the flows that it carried and no other; new ones go to the other two."""
    await all_up(three)
    composed, since = Composed(three.project), wall_time()
    async with held(exact(three, 60000), SOME) as flows, asyncio.timeout(120):
        assert all(await asyncio.gather(*(each.is_served() for each in flows)))
        await asyncio.to_thread(composed.kill, "proxy-2")
        try:
            await observed(three).many(2, is_event("BackendDown", backend="proxy-2"), since)
            still = await asyncio.gather(*(each.is_served() for each in flows))
            hops = {event["hop"] for event in await served(three, 2 * AT_ONCE)}
        finally:
            back = wall_time()
            await asyncio.to_thread(composed.start, "proxy-2")
            await observed(three).many(2, is_event("BackendUp", backend="proxy-2"), back)
    lost = {each.port for each, alive in zip(flows, still, strict=True) if not alive}
    told = observed(three)(is_record("close", "load-balancer", ended_by="proxy-2"), since)

    assert 0 < len(lost) < SOME
    assert {int(event["client"].rpartition(":")[2]) for event in told} == lost
    assert hops == {"proxy", "proxy-3"}


async def test_proxies_keep_their_names(three: Stack) -> None:
    """After control was started anew each proxy has the name of its container, as before."""
    await all_up(three)

    def places() -> dict[str, str]:
        hops = observed(three).control.status()["hops"]
        return {hop["name"]: hop["local"].partition(":")[0] for hop in hops if hop["name"] in PROXIES}

    numbered = {name: three.address("proxy", "build", number) for number, name in enumerate(PROXIES, 1)}
    assert places() == numbered
    since = wall_time()
    await asyncio.to_thread(Composed(three.project).restart, "control")
    await asyncio.to_thread(scale, three, 3)
    for name in PROXIES:
        await observed(three).first(is_event("HopJoined", name), since)

    assert places() == numbered


@pytest.mark.slow
async def test_five_thousand_connections_are_held(stack: Stack) -> None:
    """Five thousand connections through the containers are open at once, and each of them is then answered.

    Not on the quick channel, whose four idle minutes are over before the last of them is made.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + SPARE:
        pytest.skip(f"this user may have {hard} descriptors, {MANY + SPARE} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, MANY + SPARE), hard))
    try:
        async with asyncio.timeout(600), held(exact(stack, 60000), MANY) as flows:
            memory = {hop: stack.process(hop)["VmRSS"] for hop in HOPS}
            answers = Counter(await asyncio.gather(*(each.is_served() for each in flows)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(f"{MANY} connections held: {dict(answers)}; resident: {memory}")

    assert answers == {True: MANY}
