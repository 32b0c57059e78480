"""The channel as several hops that follow one control, without containers: real sockets on loopback."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest

from emulator.app.config import load_config
from emulator.app.fleet.control import controlling
from emulator.errors import InvalidInputError
from emulator.net import filters
from emulator.net.addresses import can_bind
from emulator.net.listener import bind
from emulator.observe import Record
from tests.app.fleet.fleet import Running, entry, running
from tests.app.test_flow_logs import BUILD, NAT, PROXY, nsg_tuples, of_a
from tests.app.test_run import deny

pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not can_bind("127.60.0.1"), reason="hops need loopback addresses of their own"),
]


async def met(found: Running, seconds: float = 0.5) -> str:
    """What a client meets: silent, refused, connected, or served."""
    loop = asyncio.get_running_loop()
    with contextlib.closing(socket.socket()) as client:
        client.setblocking(False)
        try:
            async with asyncio.timeout(seconds):
                await loop.sock_connect(client, entry(found))
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "refused"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                return "served" if await loop.sock_recv(client, 100) else "closed"
        return "connected"


async def test_a_fleet_carries() -> None:
    """Control, a load balancer and a proxy in processes' own roles carry SSH to a build VM that knows no hops."""
    async with running() as found:
        assert await met(found) == "served"
        status = found.fleet.status

    assert (status.ready, status.runtime, status.paths["linux"].outcome) == (True, "containers", "carried")
    assert {hop.name: hop.address for hop in status.hops if hop.name in ("load-balancer", "proxy")} == {
        "load-balancer": "10.61.0.5",
        "proxy": "10.60.0.7",
    }


async def test_a_change_reaches_every_hop() -> None:
    """A rule applied at control is played by the hops within a second, in both segments, and undone by reset."""
    async with running() as found:
        await found.fleet.apply(deny("NoProxy", 300, 60001))
        await found.until(lambda: "NoProxy" in str(found.hops["balancer-host"].scene.world.groups), 1.0)
        if filters.supported() is None:
            assert await met(found) == "silent"
        await found.fleet.apply(deny("NoSsh", 300, 22))
        await found.until(lambda: "NoSsh" in str(found.hops["proxy-host-1"].scene.world.groups), 1.0)
        assert await met(found) == "connected"
        await found.fleet.reset()
        await found.until(lambda: "NoSsh" not in str(found.hops["proxy-host-1"].scene.world.groups), 1.0)
        assert await met(found) == "served"
        sentences = [event.sentence for event in found.fleet.events()]

    assert any("NoSsh" in sentence for sentence in sentences)


async def test_a_bad_world_is_refused() -> None:
    """What control refuses changes no hop."""
    async with running() as found:
        before = found.fleet.world
        with pytest.raises(InvalidInputError, match="priority"):
            await found.fleet.apply(
                {"id": before.groups[0].id.text, "properties": {"securityRules": [{"name": "x", "properties": {}}]}}
            )
        assert found.fleet.world == before


async def closes(found: Running, count: int) -> list[str]:
    """The hops of the first so many close records that control heard."""
    hops: list[str] = []
    async with asyncio.timeout(15):
        async for event in found.fleet.follow():
            if isinstance(event, Record) and event.kind == "close":
                hops.append(event.hop)
            if len(hops) == count:
                break
    return hops


async def test_three_proxies_share_the_flows() -> None:
    """Each proxy that says hello is in the pool with an address of its own, and takes a share of the flows."""
    async with running(proxies=3) as found:
        await found.until(lambda: len(found.hops["balancer-host"].scene.condition.healthy) == 6)
        for _ in range(60):
            assert await met(found, 3.0) == "served"
        hops = await closes(found, 120)
        addresses = {hop.name: hop.address for hop in found.fleet.status.hops}

    assert all(hops.count(name) >= 6 for name in ("proxy", "proxy-2", "proxy-3"))
    assert (addresses["proxy-2"], addresses["proxy-3"]) == ("10.60.0.128", "10.60.0.129")


async def test_a_proxy_that_dies_leaves_the_others() -> None:
    """When one of two proxies stops, new flows go to the other once its probe failed; started anew it takes part."""
    async with running(proxies=2, time_scale=20) as found:
        healthy = found.hops["balancer-host"].scene
        await found.until(lambda: len(healthy.condition.healthy) == 4)
        await found.stop("proxy-host-2")
        await found.until(lambda: len(healthy.condition.healthy) == 2)
        assert [await met(found, 3.0) for _ in range(8)] == ["served"] * 8
        await found.start("proxy", "proxy-host-2")
        await found.until(lambda: len(healthy.condition.healthy) == 4)
        names = [hop.name for hop in found.fleet.status.hops]
        down = [event.sentence for event in found.fleet.events() if "marks proxy-2 down" in event.sentence]

    assert names.count("proxy-2") == 1
    assert len(down) == 2
    assert all(": proxy-2 at 127." in sentence and "refused the connection" in sentence for sentence in down)


async def test_where_clients_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    """Status names the published address, or in a stack, which publishes nothing, the name on its network."""
    async with running() as found:
        published = found.fleet.status
        monkeypatch.setenv("AIB_EMULATOR_ENTRY", "load-balancer")
        stacked = found.fleet.status

    assert (published.endpoints["linux"].host, published.endpoints["linux"].exact.host) == ("127.0.0.1", "10.61.0.5")
    assert (stacked.endpoints["linux"].host, stacked.endpoints["linux"].exact.host) == ("load-balancer",) * 2
    assert stacked.endpoints["windows"].url == "https://load-balancer:60000/wsman"
    assert len(stacked.approximated) == len(published.approximated) - 1


async def test_control_writes_the_flow_logs_of_every_hop(tmp_path: Path) -> None:
    """What the balancer's hop and the proxy's hop saw stands in the same folder, each flow at its interface."""
    async with running(flow_logs=tmp_path) as found:
        assert await met(found) == "served"
        await closes(found, 2)
    gathered = nsg_tuples(tmp_path)

    assert {each[1:] for each in of_a(gathered, NAT, PROXY, 60001)} == {("I", "AB"), ("I", "AE")}
    assert {each[1:] for each in of_a(gathered, PROXY, BUILD, 22)} == {
        (direction, state) for direction in "IO" for state in ("AB", "AE")
    }


async def test_states_of_machines_reach_every_hop() -> None:
    """A build VM that answers RST, and a proxy that is gone: as in one process, though its containers run on."""
    async with running(time_scale=20) as found:
        await found.fleet.set_machine("build-linux", "service-stopped")
        await found.until(lambda: bool(found.hops["proxy-host-1"].scene.condition.stopped), 1.0)
        assert await met(found, 2.0) == "closed"
        await found.fleet.set_machine("build-linux", "running")
        await found.fleet.set_machine("proxy", "deallocated")
        await found.until(lambda: not found.hops["balancer-host"].scene.condition.healthy, 5.0)
        if filters.supported() is None:
            assert await met(found) == "silent"
        await found.fleet.set_machine("proxy", "running")
        await found.until(lambda: len(found.hops["balancer-host"].scene.condition.healthy) == 2, 5.0)
        assert await met(found, 2.0) == "served"
        assert found.fleet.machine_states() == {
            "proxy": "running",
            "build-linux": "running",
            "build-windows": "running",
        }


async def test_a_proxy_with_an_ssh_server_is_not_composed(tmp_path: Path) -> None:
    """`proxy_mode: ssh-jump` is refused with what containers play, before anything starts."""
    config = load_config(None, {"switches": {"proxy_mode": "ssh-jump"}})
    refused = pytest.raises(InvalidInputError, match=r"switches\.proxy_mode: found ssh-jump, expected tcp-forward")
    with contextlib.closing(bind("127.0.0.1", 0)) as bound, refused:
        async with controlling(config, tmp_path, bound, lambda: None):
            raise AssertionError("it must not start")
