"""A hop and its control: what happens while control is away, and when it comes back."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.app.config import load_config
from emulator.app.fleet.control import Fleet, controlling
from emulator.app.fleet.link import KEPT, Link, linked
from emulator.app.fleet.messages import Hello, Report
from emulator.app.fleet.world import unpacked
from emulator.errors import UnavailableError
from emulator.net.listener import bind
from emulator.observe import Observation
from tests.app.test_run import deny

pytestmark = pytest.mark.network


def happened(number: int) -> Observation:
    """An event of a hop."""
    return Observation("2026-01-01T00:00:00.000Z", "Happened", "proxy", f"number {number}")


@contextlib.asynccontextmanager
async def control(folder: Path, port: int) -> AsyncIterator[Fleet]:
    """A control at a port."""
    with contextlib.closing(bind("127.0.0.1", port)) as bound:
        async with controlling(load_config(None, {}), folder, bound, lambda: None) as fleet:
            yield fleet


def link_to(port: int, folder: Path, token: str = "", instance: str = "machine") -> Link:
    """A proxy's link to it."""
    return Link(
        f"http://127.0.0.1:{port}",
        token or (folder / "token").read_text().strip(),
        Hello("proxy", instance, "10.60.0.128"),
    )


def free_port() -> int:
    """A port that nobody has."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as found:
        return int(found.getsockname()[1])


async def heard(fleet: Fleet, count: int) -> list[str]:
    """The sentences of the first so many events of the hop."""
    found: list[str] = []
    async with asyncio.timeout(10):
        async for event in fleet.follow():
            if isinstance(event, Observation) and event.event == "Happened":
                found.append(event.sentence)
            if len(found) == count:
                return found
    raise AssertionError("control stopped first")


async def test_a_hop_hears_and_tells(tmp_path: Path) -> None:
    """A hop is told the world at once and each change of it; its report and its events arrive."""
    port = free_port()
    async with control(tmp_path, port) as fleet:
        link = link_to(port, tmp_path)
        async with linked(link, patience=10) as scenery:
            assert unpacked(scenery.world) == fleet.world
            link.report(Report("up", local="here"))
            link.observe(happened(1))
            assert await heard(fleet, 1) == ["number 1"]
            news = link.news
            await fleet.apply(deny("NoSsh", 300, 22))
            async with asyncio.timeout(1):
                await news.wait()
            assert link.scenery
            assert unpacked(link.scenery.world) == fleet.world
            assert fleet.registry.proxies()[0].report.local == "here"


async def test_control_comes_back(tmp_path: Path) -> None:
    """Events of the time without control are kept, and the hop joins the next control by itself, as it was."""
    port = free_port()
    async with contextlib.AsyncExitStack() as stack:
        first = contextlib.AsyncExitStack()
        await first.enter_async_context(control(tmp_path, port))
        link = link_to(port, tmp_path)
        await stack.enter_async_context(linked(link, patience=10))
        link.report(Report("up", local="here"))
        before = link.scenery
        await first.aclose()
        link.observe(happened(1))
        link.observe(happened(2))
        assert link.scenery is before
        assert before
        async with control(tmp_path, port) as fleet:
            assert await heard(fleet, 2) == ["number 1", "number 2"]
            (joined,) = fleet.registry.proxies()

    assert (joined.hello.instance, joined.report.local) == ("machine", "here")
    assert fleet.registry.scenery(joined).key == before.key


async def test_a_hop_keeps_its_name(tmp_path: Path) -> None:
    """Two proxies that join the next control in another order than the last have the names that they had."""
    port = free_port()
    first = contextlib.AsyncExitStack()
    await first.enter_async_context(control(tmp_path, port))
    links = [link_to(port, tmp_path, instance=name) for name in ("a", "b")]
    for link in links:
        async with linked(link, patience=10):
            pass
    await first.aclose()
    async with control(tmp_path, port), contextlib.AsyncExitStack() as stack:
        for link in reversed(links):
            link.scenery = None
            await stack.enter_async_context(linked(link, patience=10))

    assert [link.scenery.hop for link in links if link.scenery] == ["proxy", "proxy-2"]


async def test_a_hop_says_where_it_is_now(tmp_path: Path) -> None:
    """A hop that was put on its network anew tells control its address there, on the connection that it has."""
    port = free_port()
    async with control(tmp_path, port) as fleet:
        link = link_to(port, tmp_path)
        async with linked(link, patience=10):
            changed = fleet.registry.changed
            link.moved("10.60.0.200")
            async with asyncio.timeout(5):
                await changed.wait()
            sentences = [event.sentence for event in fleet.events()]
            (joined,) = fleet.registry.proxies()

    assert joined.hello.address == "10.60.0.200"
    assert "proxy is at 10.60.0.200 now" in sentences


async def test_the_buffer_is_bounded(tmp_path: Path) -> None:
    """Of more events than are kept the oldest are lost."""
    link = link_to(1, tmp_path, "token")
    for number in range(KEPT + 5):
        link.observe(happened(number))

    assert len(link._events) == KEPT
    assert link._events[0] == happened(5)


async def test_a_stranger_is_not_told(tmp_path: Path) -> None:
    """Who has not the token hears nothing, and says what it waited for."""
    port = free_port()
    async with control(tmp_path, port) as fleet:
        with pytest.raises(UnavailableError, match=r"did not answer within 0\.5 s: it asks for another token"):
            async with linked(link_to(port, tmp_path, "wrong"), patience=0.5):
                raise AssertionError("it must not be told")
        assert fleet.registry.hops == ()


async def test_no_control_at_all(tmp_path: Path) -> None:
    """Without a control a hop waits, and then says which it waited for."""
    port = free_port()
    with pytest.raises(UnavailableError, match=f"control at http://127.0.0.1:{port} did not answer"):
        async with linked(link_to(port, tmp_path, "token"), patience=0.5):
            raise AssertionError("there is none")
