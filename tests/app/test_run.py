"""The channel, embedded, with real sockets and real clients."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.errors import InvalidInputError, UnavailableError
from emulator.model.default_world import BUILD_GROUP, DOCUMENTED_RULE, default_world
from emulator.model.network import SecurityGroup, SecurityRule
from emulator.model.ports import PortRange
from emulator.model.world import TOPOLOGIES, System, Topology
from emulator.net import filters
from emulator.observe import Observation, Record

pytestmark = pytest.mark.network


def deny(name: str, priority: int, port: int, direction: str = "Inbound") -> SecurityGroup:
    """The build subnet's group with one more rule, which denies a port."""
    inbound = direction == "Inbound"
    rule = SecurityRule(
        name,
        priority,
        "Inbound" if inbound else "Outbound",
        "Deny",
        "Tcp",
        destination_ports=(PortRange(port, port),),
    )
    return SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE, rule))


ALLOW = SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE,))


def entry(channel: Channel, system: System = "linux") -> tuple[str, int]:
    """Where a client dials."""
    endpoint = channel.status.endpoints[system]
    return endpoint.host, endpoint.port


@contextlib.contextmanager
def client() -> Iterator[socket.socket]:
    """A non-blocking TCP client."""
    with contextlib.closing(socket.socket()) as connection:
        connection.setblocking(False)
        yield connection


async def connects(connection: socket.socket, where: tuple[str, int], seconds: float) -> str:
    """What `connect` does: `connected`, `refused`, or `silent` for `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(connection, where)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    return "connected"


async def hears(connection: socket.socket, seconds: float) -> bytes | None:
    """The next bytes, or None for silence; empty at the end."""
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(connection, 100)
    except TimeoutError:
        return None


async def attempt(channel: Channel, system: System = "linux", seconds: float = 0.4) -> str:
    """One fresh connect through the channel."""
    with client() as connection:
        return await connects(connection, entry(channel, system), seconds)


async def seen(channel: Channel, wanted: Any, seconds: float) -> Record:
    """The first record for which `wanted` is true, within `seconds`."""

    async def first() -> Record:
        async for event in channel.follow():
            if isinstance(event, Record) and wanted(event):
                return event
        raise AssertionError("the emulator stopped first")

    async with asyncio.timeout(seconds):
        return await first()


@contextlib.asynccontextmanager
async def quick(**settings: Any) -> AsyncIterator[Channel]:
    """A channel with guests that start fast."""
    async with start(**{"guest": "builtin", **settings}) as channel:
        yield channel


@pytest.mark.parametrize("topology", TOPOLOGIES)
async def test_every_topology_carries_ssh_and_winrm(topology: Topology) -> None:
    """A command reaches each build VM in each topology, and its exit code comes back."""
    async with quick(topology=topology) as channel:
        linux = await channel.run("linux", "echo from linux; exit 3")
        windows = await channel.run("windows", "echo from windows& exit 4")

        assert channel.status.ready
        assert (linux.exit_code, linux.stdout) == (3, b"from linux\n")
        assert (windows.exit_code, windows.stdout) == (4, b"from windows\r\n")


async def test_public_names_are_lazy_and_right() -> None:
    """`emulator.start` is the function; an unknown name is an AttributeError."""
    assert emulator.start is start
    with pytest.raises(AttributeError, match="nonsense"):
        _ = emulator.nonsense


async def test_a_deny_towards_the_proxy_drops_new_connections_only() -> None:
    """Balancer → proxy denied live: new connects get silence, an open session goes on, the rule gone they connect."""
    async with quick() as channel:
        with client() as session, client() as late:
            assert await connects(session, entry(channel), 1) == "connected"
            assert await hears(session, 5)
            await channel.apply(deny("NoProxy", 300, 60001))
            outcome = await connects(late, entry(channel), 0.5)
            if filters.supported() is None or outcome == "silent":
                assert outcome == "silent"
            port = late.getsockname()[1]
            record = await seen(channel, lambda each: each.kind == "drop" and each.client.endswith(f":{port}"), 1)
            await asyncio.get_running_loop().sock_sendall(session, b"SSH-2.0-test\r\n")
            assert await hears(session, 5)
        await channel.apply(ALLOW)
        again = await attempt(channel, seconds=2)

    assert (record.hop, record.leg, record.reason.name) == ("load-balancer", "load-balancer → proxy", "NoProxy")
    assert "NoProxy" in record.sentence
    assert again == "connected"


async def test_a_deny_towards_the_build_vm_connects_and_stays_silent() -> None:
    """Proxy → build VM denied: the client connects, hears nothing until the proxy gives up; the record says why."""
    async with quick(switches={"proxy_connect_timeout": 1.0}) as channel:
        await channel.apply(deny("NoSsh", 300, 22))
        with client() as connection:
            assert await connects(connection, entry(channel), 1) == "connected"
            began = time.monotonic()
            end = await hears(connection, 5)
            waited = time.monotonic() - began
        record = await seen(channel, lambda each: each.hop == "proxy" and each.reason.name == "NoSsh", 1)

    assert end == b""
    assert 0.9 < waited < 3
    assert (record.kind, record.how, record.ended_by, record.leg) == ("close", "fin", "proxy", "proxy → build-linux")


@pytest.mark.parametrize(("switch", "end"), [("rst", ConnectionResetError), ("hold", None)])
async def test_what_the_proxy_does_when_it_gives_up_is_a_switch(switch: str, end: type[OSError] | None) -> None:
    """`proxy_connect_failure`: rst resets the client, hold never answers it."""
    async with quick(switches={"proxy_connect_timeout": 0.3, "proxy_connect_failure": switch}) as channel:
        await channel.apply(deny("NoSsh", 300, 22))
        with client() as connection:
            await connects(connection, entry(channel), 1)
            if end is None:
                assert await hears(connection, 1.0) is None
            else:
                with pytest.raises(end):
                    await hears(connection, 5)


async def test_a_stopped_proxy_refuses_until_its_probe_fails_then_drops_then_comes_back() -> None:
    """Stopped: refused at first, silent once the probe failed its threshold; started: connects after its probes."""
    async with quick(time_scale=10) as channel:
        await channel.stop("proxy")
        first = await attempt(channel)
        await down(channel, up=False)
        second = await attempt(channel)
        await channel.start("proxy")
        await down(channel, up=True)
        third = await attempt(channel)

    assert (first, second, third) == ("refused", "silent", "connected")


async def down(channel: Channel, *, up: bool) -> None:
    """Wait until the newest word on both of the proxy's probes is `up`."""
    state: dict[object, object] = {}
    async with asyncio.timeout(10):
        async for event in channel.follow():
            if isinstance(event, Observation) and event.event in ("BackendUp", "BackendDown"):
                state[event.data["probe"]] = event.data["up"]
                newest = len(state) == 2 and set(state.values()) == {up}
                if newest and {pair[0].text for pair in channel.scene.condition.healthy} == (
                    set(state) if up else set()
                ):
                    return


async def test_stopping_the_proxy_ends_its_connections() -> None:
    """Connections of a stopped proxy end, and their record names it."""
    async with quick() as channel:
        with client() as session:
            await connects(session, entry(channel), 1)
            assert await hears(session, 5)
            await channel.stop("proxy")
            assert await hears(session, 5) == b""
        record = await seen(channel, lambda each: each.hop == "proxy" and each.ended_by == "proxy", 1)

    assert record.reason.name == "ServiceStopped"


async def test_a_stopped_build_vm_refuses_the_proxy() -> None:
    """With sshd stopped the client connects and is closed at once; started again it is served."""
    async with quick() as channel:
        await channel.stop("build-linux")
        with client() as connection:
            assert await connects(connection, entry(channel), 1) == "connected"
            assert await hears(connection, 2) == b""
        await channel.start("build-linux")
        outcome = await channel.run("linux", "echo back")

    assert outcome.stdout == b"back\n"


async def test_a_probe_by_http_keeps_the_proxy_out() -> None:
    """A probe by Http gets no 200 of the proxy: nothing is carried there, and the start goes on."""
    balancer = default_world().balancer
    assert balancer
    probes = tuple(
        replace(each, protocol="Http", request_path="/") if each.port == 60001 else each for each in balancer.probes
    )
    async with start(resources=[replace(balancer, probes=probes)]) as channel:
        assert channel.status.paths["linux"].outcome == "denied"
        assert channel.status.paths["windows"].outcome == "carried"
        assert await attempt(channel) == "silent"


async def test_a_probe_denied_by_the_groups_takes_the_proxy_out() -> None:
    """A deny on VirtualNetwork contains the host's address: probes fail, and a sentence names the rule."""
    rule = SecurityRule("NoVnet", 300, "Inbound", "Deny", source_prefixes=("VirtualNetwork",))
    async with quick(time_scale=20) as channel:
        await channel.apply(SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE, rule)))
        await down(channel, up=False)
        sentences = [event.sentence for event in channel.events() if "NoVnet" in event.sentence]

    assert any("marks proxy down" in sentence for sentence in sentences)


async def test_garbage_and_forged_headers_at_the_proxy_get_nowhere() -> None:
    """Who is no hop gets no answer from the proxy's own address, whatever it sends."""
    async with quick() as channel:
        local = next(hop.local for hop in channel.status.hops if hop.name == "proxy").split(", ")[0]
        host, _, port = local.rpartition(":")
        with client() as stranger:
            outcome = await connects(stranger, (host, int(port)), 0.4)
            heard = None if outcome == "silent" else await hears(stranger, 0.3)

    assert outcome in ("silent", "connected")  # connected and held where filters are not allowed
    assert heard is None


async def test_two_emulators_run_side_by_side() -> None:
    """With `listen: auto` two channels share a machine, each with its own world."""
    async with quick() as one, quick() as other:
        await one.apply(deny("NoProxy", 300, 60001))
        first, second = await attempt(one), await attempt(other)

    assert (first, second) == ("silent", "connected")


async def test_a_wrong_resource_changes_nothing() -> None:
    """Apply refuses a document with findings, and the world stays as it was."""
    async with quick() as channel:
        before = channel.world
        with pytest.raises(InvalidInputError, match="priority"):
            await channel.apply(
                {"id": BUILD_GROUP.text, "properties": {"securityRules": [{"name": "x", "properties": {}}]}}
            )
        with pytest.raises(InvalidInputError, match="expected a security group of this world"):
            await channel.apply(SecurityGroup(BUILD_GROUP.child("x", "y")))
        assert channel.world == before


async def test_an_unknown_hop_names_the_valid_ones() -> None:
    """Stop and start say which hops there are."""
    async with quick() as channel:
        with pytest.raises(InvalidInputError, match="proxy, build-linux, build-windows"):
            await channel.stop("balancer")


async def test_a_taken_port_is_named_and_nothing_is_left() -> None:
    """A port that somebody holds is named, with its process where that can be seen."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        listen = {"linux": port, "windows": "auto", "control": "auto"}
        with pytest.raises(UnavailableError, match=f"port {port} on 127.0.0.1"):
            async with quick(listen=listen):
                raise AssertionError("it must not start")


async def test_the_body_s_own_exception_comes_out_bare() -> None:
    """A failing test fails with its own error, not with a group of ours."""
    with pytest.raises(ZeroDivisionError):
        async with quick():
            _ = 1 / 0


async def test_every_connection_of_a_flow_has_one_name() -> None:
    """The two hops' records of one connection carry the same flow, and count the same bytes."""
    async with quick() as channel:
        with client() as connection:
            await connects(connection, entry(channel), 1)
            assert await hears(connection, 5)
            port = connection.getsockname()[1]
        edge = await seen(channel, lambda each: each.hop == "load-balancer" and each.client.endswith(f":{port}"), 2)
        inner = await seen(channel, lambda each: each.hop == "proxy" and each.flow == edge.flow, 2)

    assert edge.bytes_to_client == inner.bytes_to_client > 0
    assert (edge.source.split(":")[0], inner.to) == ("10.61.0.4", "10.60.0.8:22")


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_two_hundred_rounds_leak_nothing() -> None:
    """200 starts and stops in one process leave no descriptor, task, child or temporary folder."""

    def state() -> tuple[int, int, int]:
        fds = len(list(Path("/proc/self/fd").iterdir()))
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        return fds, len(children), len(asyncio.all_tasks())

    async with quick():
        pass
    before = state()
    for _ in range(200):
        async with quick() as channel:
            assert channel.status.ready

    assert state() == before


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_two_thousand_connections_are_held_and_then_used() -> None:
    """2,000 connections through both hops, idle, then used: none lost."""
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as stack:
        channel = await stack.enter_async_context(quick())
        where = entry(channel, "windows")
        connections = []
        for _ in range(2000):
            connection = stack.enter_context(client())
            await loop.sock_connect(connection, where)
            connections.append(connection)
        # Half of a TLS hello says nothing yet; its other half makes the server answer.
        answers = 0
        for connection in connections:
            await loop.sock_sendall(connection, b"GET / HTTP/1.0\r\n\r\n")
        for connection in connections:
            with contextlib.suppress(ConnectionError):
                answers += await hears(connection, 30) is not None

    assert answers == 2000
