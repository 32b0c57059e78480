"""What private link does to connections of the running channel, with real sockets and clients."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator.app.channel import Channel
from emulator.errors import InvalidInputError, PeerError
from emulator.model.default_world import default_world
from emulator.model.privatelink import ConnectionState, PrivateLinkService
from emulator.net import link_header
from emulator.observe import Observation
from tests.app.test_run import attempt, client, connects, entry, hears, quick, seen
from tests.haproxy import haproxy, needs_haproxy

pytestmark = pytest.mark.network
READS = {"proxy_vm_reads_proxy_v2": True}
LINK = 0x2A000001


def service(**fields: Any) -> PrivateLinkService:
    """The default world's service with other fields, and a LINKID to know again."""
    found = default_world().service
    assert found
    (own,) = found.connections
    return replace(found, connections=(replace(own, link=LINK),), **fields)


async def observed(channel: Channel, name: str, seconds: float = 10) -> Observation:
    """The first observation of a kind."""

    async def first() -> Observation:
        async for event in channel.follow():
            if isinstance(event, Observation) and event.event == name:
                return event
        raise AssertionError("the emulator stopped first")

    async with asyncio.timeout(seconds):
        return await first()


async def test_a_proxy_that_reads_the_header_knows_its_client() -> None:
    """`enableProxyProtocol` and a proxy VM that expects it: commands work, and the proxy hears client and LINKID."""
    async with quick(resources=[service(proxy_protocol=True)], switches=READS, time_scale=10) as channel:
        await channel.scene.clock.sleep(20)
        outcome = await channel.run("linux", "echo through")
        found = await observed(channel, "LinkHeaderRead")
        healthy = len(channel.scene.condition.healthy)

    assert outcome.stdout == b"through\n"
    assert str(found.data["client"]).startswith("10.61.0.4:")
    assert found.data["link"] == LINK
    assert healthy == 2


async def test_a_header_that_nobody_reads_reaches_the_build_vm() -> None:
    """The service sends it, the proxy VM passes it on: sshd sees garbage and hangs up; the record says why."""
    async with quick(resources=[service(proxy_protocol=True)]) as channel:
        assert {each.outcome for each in channel.status.paths.values()} == {"denied"}
        with client() as connection:
            assert await connects(connection, entry(channel), 5) == "connected"
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                while more := await hears(connection, 10):
                    heard += more
        record = await seen(channel, lambda each: each.ended_by == "build-linux", 5)
        with pytest.raises(PeerError):
            await channel.run("linux", "true", timeout=10)
        with pytest.raises(PeerError):
            await channel.run("windows", "ver", timeout=10)

    assert heard.startswith(b"SSH-2.0-")
    assert (record.hop, record.reason.name) == ("proxy", "ProxyProtocolMismatch")
    assert "enableProxyProtocol of aib-pls is on and the proxy VM passes the header on" in record.sentence


async def test_a_proxy_that_waits_for_a_header_in_vain() -> None:
    """The proxy VM expects it, the service does not send it: a client that speaks is closed, a silent one later."""
    async with quick(switches=READS, time_scale=10) as channel:
        assert {each.outcome for each in channel.status.paths.values()} == {"denied"}
        for said, why in ((b"SSH-2.0-OpenSSH_9.2\r\n", "found other bytes"), (b"", "no PROXY v2 header within")):
            with client() as connection:
                assert await connects(connection, entry(channel), 5) == "connected"
                connection.send(said)
                with contextlib.suppress(ConnectionResetError):
                    assert await hears(connection, 10) == b""
            record = await seen(channel, lambda each, why=why: each.hop == "proxy" and why in each.sentence, 15)
            assert (record.ended_by, record.reason.name) == ("proxy", "ProxyProtocolMismatch")
            assert record.reason.id.endswith("/privateLinkServices/aib-pls")


async def test_the_header_is_switched_on_live() -> None:
    """New connections carry it from the change on; open ones never hear of it; probes go on succeeding."""
    async with quick(time_scale=10) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 5) == "connected"
            assert await hears(session, 5)
            await channel.apply(service(proxy_protocol=True))
            session.send(b"SSH-2.0-client\r\n")
            assert await hears(session, 5)
        assert channel.status.paths["linux"].outcome == "denied"
        await channel.reset()
        assert (await channel.run("linux", "echo again")).stdout == b"again\n"
        assert len(channel.scene.condition.healthy) == 2


@contextlib.asynccontextmanager
async def with_haproxy(folder: Path, channel: Channel, back: socket.socket) -> AsyncIterator[None]:
    """HAProxy in the place of the proxy VM, behind our private link; `back` is its build VM."""
    scene = channel.scene
    address = scene.world.interface_of(scene.world.proxies[0]).address
    with contextlib.closing(socket.create_server((scene.loopback.of(address), 0))) as front:
        options = {"bind": "accept-proxy", "server": "send-proxy-v2"}
        async with haproxy(folder, front, back.getsockname(), **options):
            scene.ports[address, 60001] = front.getsockname()[1]
            scene.headless |= {"proxy"}
            yield


@needs_haproxy
async def test_haproxy_as_the_proxy_vm(tmp_path: Path) -> None:
    """HAProxy (`accept-proxy`) behind our private link tells its own backend the client that the header named."""
    loop = asyncio.get_running_loop()
    async with quick(resources=[service(proxy_protocol=True)], switches=READS) as channel:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as back:
            back.setblocking(False)
            async with with_haproxy(tmp_path, channel, back):
                with client() as connection:
                    assert await connects(connection, entry(channel), 5) == "connected"
                    await loop.sock_sendall(connection, b"hello")
                    server, _ = await loop.sock_accept(back)
                    with server:
                        header, _ = await link_header.receive(server, seconds=30)
                        assert await loop.sock_recv(server, 100) == b"hello"
                        await loop.sock_sendall(server, b"welcome")
                    assert await hears(connection, 10) == b"welcome"
                    port = connection.getsockname()[1]

    assert header.addresses is not None
    ends = header.addresses
    assert (str(ends.source), ends.source_port) == ("10.61.0.4", port)
    assert (str(ends.destination), ends.destination_port) == ("10.61.0.5", 60001)


async def test_a_connection_is_approved_rejected_and_removed_live() -> None:
    """Pending is silent; approved by its provider it carries; rejected it is silent again; removed it stays so."""

    def told(state: ConnectionState) -> PrivateLinkService:
        found = service()
        return replace(found, connections=tuple(replace(each, state=state) for each in found.connections))

    async with quick(resources=[told("Pending")]) as channel:
        found = [await attempt(channel)]
        for state in ("Approved", "Rejected", "Approved", "Disconnected"):
            await channel.apply(told(state))
            found.append(await attempt(channel, seconds=5 if state == "Approved" else 0.4))
        with pytest.raises(InvalidInputError, match="a connection that was removed stays so"):
            await channel.apply(told("Approved"))
        record = await seen(channel, lambda each: (each.kind, each.reason.name) == ("drop", "Rejected"), 5)

    assert found == ["silent", "connected", "silent", "connected", "silent"]
    assert (record.kind, record.leg) == ("drop", "client → private-endpoint")


async def test_without_a_nat_port_new_connections_are_silent() -> None:
    """Two ports for a backend: two connections are open, the third hears nothing until one of them ends."""
    async with quick(switches={"nat_ports_per_backend": 2}) as channel:
        with client() as first, client() as second:
            assert await connects(first, entry(channel, "linux"), 5) == "connected"
            assert await connects(second, entry(channel, "windows"), 5) == "connected"
            await exhausted(channel, full=True)
            assert await attempt(channel) == "silent"
            record = await seen(channel, lambda each: each.kind == "drop", 5)
            second.close()
            await exhausted(channel, full=False)
            assert await attempt(channel, seconds=5) == "connected"

    assert (record.leg, record.reason.name) == ("load-balancer → proxy", "NatPortsExhausted")
    assert record.sentence.endswith("has no NAT port left for proxy: all 2 are taken")


async def test_a_fault_takes_the_nat_ports() -> None:
    """One is left: the connection that has it is served, the next is silent, and the record names the fault."""
    async with quick() as channel:
        channel.add_fault("nat-ports", ports=1, name="few")
        with client() as first:
            assert await connects(first, entry(channel, "linux"), 5) == "connected"
            await exhausted(channel, full=True)
            assert await attempt(channel) == "silent"
            record = await seen(channel, lambda each: each.kind == "drop", 5)
            channel.remove_fault("few")
            assert await attempt(channel, seconds=5) == "connected"

    assert (record.leg, record.reason.kind, record.faults) == ("load-balancer → proxy", "fault", ("few",))


async def test_without_any_nat_port_nothing_connects_until_its_time_is_over() -> None:
    """None is left from the first attempt on, for so long."""
    async with quick(time_scale=10) as channel:
        channel.add_fault("nat-ports", **{"for": 20})
        assert await attempt(channel) == "silent"
        await exhausted(channel, full=False)
        assert await attempt(channel, seconds=5) == "connected"


async def exhausted(channel: Channel, *, full: bool) -> None:
    """Wait until the proxy's ports are all taken, or one is free."""
    async with asyncio.timeout(10):
        while ("proxy" in channel.scene.condition.exhausted) != full:
            await channel.scene.changed.wait()
