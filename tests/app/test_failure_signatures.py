"""What a client sees of each fault, and what evidence it leaves: the table of azure.md, section 8, row by row.

The client is a plain socket; the evidence is what the flow logs have once the channel ended, and IP flow verify.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emulator import ip_flow
from emulator.app.channel import Channel
from emulator.model import deployed
from emulator.model.default_world import BUILD_GROUP, DOCUMENTED_RULE, SERVICE_SUBNET
from emulator.model.network import SecurityGroup
from emulator.model.resources import Resource
from emulator.model.world import World
from emulator.net import filters
from emulator.net.batch import SCRATCH_BYTES
from emulator.net.pace import SLACK
from tests.app.test_balancer import NO_PROBES, balancer
from tests.app.test_flow_logs import BUILD, NAT, PROBE, PROXY, nsg_tuples, of_a
from tests.app.test_machines import until_state
from tests.app.test_run import ALLOW, attempt, client, connects, deny, down, entry, hears, quick, seen
from tests.rules.test_path import CLIENT_GROUP
from tests.worlds import rule, with_routes, with_state, world

pytestmark = pytest.mark.network
needs_filters = pytest.mark.skipif(filters.supported() is not None, reason=str(filters.supported()))
CLIENT, ENDPOINT = "10.61.0.4", "10.61.0.5"
QUICKLY = {"time_scale": 10, "switches": {"proxy_connect_timeout": 5}}
Logged = list[tuple[str, str, str]]


def client_vm(*rules: str) -> list[Resource]:
    """The client as a machine with a group of its own, where Image Builder's container has no flow log."""
    group = SecurityGroup(CLIENT_GROUP, tuple(rule(each) for each in rules))
    return [group, deployed.interface("client", world().client, SERVICE_SUBNET, group=group.id)]


async def become(channel: Channel, found: World) -> None:
    """Apply what differs between the world that is played and another."""
    await channel.apply([each for each in found.resources if each not in channel.world.resources])


class Evidence:
    """The flow logs, to be read once the channel has ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, source: str, destination: str, port: int) -> Logged:
        """Rule, direction, and access with state, of flows between two addresses."""
        return of_a(nsg_tuples(self._folder), source, destination, port)

    def denied(self, source: str, destination: str, port: int) -> Logged:
        """The denials among them."""
        return [each for each in self.of(source, destination, port) if each[2] == "DB"]


@contextlib.asynccontextmanager
async def logged(folder: Path, **settings: Any) -> AsyncIterator[Channel]:
    """A channel with flow logs, and nothing in them that its start has left."""
    async with quick(flow_logs=folder, **settings) as channel:
        yield channel


async def banner(channel: Channel) -> bytes | None:
    """What a fresh client hears; nothing at the end of its connection."""
    with client() as connection:
        assert await connects(connection, entry(channel), 5) == "connected"
        return await hears(connection, 10)


async def test_client_group_denies_the_private_endpoint(tmp_path: Path) -> None:
    """Row 1: SYN timeout; O,D at a client that is a machine."""
    async with logged(tmp_path, resources=client_vm("300 deny out * -> *:60001")) as channel:
        assert await attempt(channel) == ("silent" if filters.supported() is None else "connected")
        await seen(channel, lambda each: each.kind == "drop" and each.reason.name == "deny-300", 5)

    evidence = Evidence(tmp_path)
    assert set(evidence.of(CLIENT, ENDPOINT, 60001)) == {("UserRule_deny-300", "O", "DB")}
    assert evidence.of(NAT, PROXY, 60001) == []


async def test_client_group_denies_the_private_endpoint_of_a_container(tmp_path: Path) -> None:
    """Row 1, as Image Builder is today: SYN timeout, and no flow log has it, since its client is a container."""
    (group, _) = client_vm("300 deny out * -> *:60001")
    found = world()
    subnet = found.network_of(SERVICE_SUBNET)
    guarded = replace(subnet, subnets=tuple(replace(each, group=CLIENT_GROUP) for each in subnet.subnets))
    async with logged(tmp_path, resources=[group, guarded]) as channel:
        assert await attempt(channel) == "silent"
        await seen(channel, lambda each: each.kind == "drop" and each.reason.name == "deny-300", 5)

    assert Evidence(tmp_path).of(CLIENT, ENDPOINT, 60001) == []
    assert Evidence(tmp_path).of(NAT, PROXY, 60001) == []


async def test_endpoint_not_approved(tmp_path: Path) -> None:
    """Row 2: SYN timeout; O,A at the client, and nothing beyond."""
    endpoint = with_state(world(), "Pending").endpoint
    assert endpoint
    async with logged(tmp_path, resources=[endpoint, *client_vm()]) as channel:
        assert await attempt(channel) == "silent"
        await seen(channel, lambda each: each.kind == "drop" and each.reason.name == "Pending", 5)

    evidence = Evidence(tmp_path)
    assert {each[1:] for each in evidence.of(CLIENT, ENDPOINT, 60001)} == {("O", "AB"), ("O", "AE")}
    assert evidence.of(NAT, PROXY, 60001) == []


async def test_balancing_rule_missing(tmp_path: Path) -> None:
    """Row 3: SYN timeout; nothing at the proxy but probes."""
    found = world().balancer
    assert found
    only_windows = replace(found, rules=tuple(each for each in found.rules if each.frontend_port == 60000))
    async with logged(tmp_path, resources=[only_windows]) as channel:
        assert await attempt(channel) == "silent"
        record = await seen(channel, lambda each: each.kind == "drop", 5)

    evidence = Evidence(tmp_path)
    assert record.reason.name == "NoLoadBalancingRule"
    assert evidence.of(NAT, PROXY, 60001) == []
    assert evidence.denied(PROBE, PROXY, 60001) == []


async def test_probe_blocked(tmp_path: Path) -> None:
    """Row 4: works until the threshold, then SYN timeout for new connections; old ones live; I,D from the host."""
    async with logged(tmp_path, time_scale=4) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 5) == "connected"
            assert await hears(session, 5)
            await channel.apply(NO_PROBES)
            assert await attempt(channel, seconds=5) == "connected"
            await down(channel, up=False)
            assert await attempt(channel) == "silent"
            session.send(b"SSH-2.0-client\r\n")
            assert await hears(session, 5)

    assert ("UserRule_NoProbes", "I", "DB") in Evidence(tmp_path).of(PROBE, PROXY, 60001)
    assert Evidence(tmp_path).denied(NAT, PROXY, 60001) == []


async def test_proxy_process_not_listening(tmp_path: Path) -> None:
    """Row 5: RST first, SYN timeout once the probe is down; the probe's attempts are I,A: no group denies."""
    async with logged(tmp_path, time_scale=4) as channel:
        await channel.stop("proxy")
        assert await attempt(channel) == "refused"
        await down(channel, up=False)
        assert await attempt(channel) == "silent"

    probes = Evidence(tmp_path).of(PROBE, PROXY, 60001)
    assert {each[1:] for each in probes} == {("I", "AB"), ("I", "AE")}


async def test_proxy_denies_the_nat_address(tmp_path: Path) -> None:
    """Row 6: SYN timeout though the balancer calls the proxy healthy; I,D from the NAT address."""
    group = SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE, rule("410 deny in 10.60.0.5 -> *:60001")))
    async with logged(tmp_path) as channel:
        await channel.apply(group)
        assert await attempt(channel) == "silent"
        await seen(channel, lambda each: each.kind == "drop" and each.reason.name == "deny-410", 5)
        healthy = len(channel.scene.condition.healthy)
        verdict = ip_flow(channel.world, "proxy", direction="inbound", local=f"{PROXY}:60001", remote=f"{NAT}:*")

    assert healthy == 2
    assert set(Evidence(tmp_path).denied(NAT, PROXY, 60001)) == {("UserRule_deny-410", "I", "DB")}
    assert Evidence(tmp_path).denied(PROBE, PROXY, 60001) == []
    assert (verdict.access, verdict.rule_name) == ("Deny", "securityRules/deny-410")


SECOND = [
    # direction of the deny, at which interface its D stands
    ("Outbound", "O"),
    ("Inbound", "I"),
]


@pytest.mark.parametrize(("direction", "at"), SECOND)
async def test_proxy_to_build_vm_denied(direction: str, at: str, tmp_path: Path) -> None:
    """Row 7 (azure-docs #84627): connects, stalls, ends; O,D at the proxy, or O,A there and I,D at the build VM."""
    async with logged(tmp_path, **QUICKLY) as channel:
        await channel.apply(deny("NoSsh", 300, 22, direction))
        assert await banner(channel) == b""
        await seen(channel, lambda each: each.hop == "proxy" and each.reason.name == "NoSsh", 5)

    evidence = Evidence(tmp_path)
    assert set(evidence.denied(PROXY, BUILD, 22)) == {("UserRule_NoSsh", at, "DB")}
    assert evidence.denied(NAT, PROXY, 60001) == []


async def test_guest_firewall_on_the_build_vm(tmp_path: Path) -> None:
    """Row 8: the same to the client, but groups and IP flow verify say Allow; I,A at the build VM."""
    async with logged(tmp_path, **QUICKLY) as channel:
        await channel.set_machine("build-linux", "guest-firewall")
        assert await banner(channel) == b""
        await seen(channel, lambda each: each.reason.name == "GuestFirewall", 5)
        verdict = ip_flow(channel.world, "build-linux", direction="inbound", local=f"{BUILD}:22", remote=f"{PROXY}:*")

    assert verdict.access == "Allow"
    assert ("DefaultRule_AllowVnetInBound", "I", "AB") in Evidence(tmp_path).of(PROXY, BUILD, 22)
    assert Evidence(tmp_path).denied(PROXY, BUILD, 22) == []


async def test_service_stopped_on_the_build_vm(tmp_path: Path) -> None:
    """Row 9: the proxy gets RST, and its client's connection ends at once; I,A at the build VM."""
    async with logged(tmp_path) as channel:
        await channel.stop("build-linux")
        assert await banner(channel) == b""
        record = await seen(channel, lambda each: each.reason.name == "ServiceStopped" and each.hop == "proxy", 5)

    assert record.age < 10
    assert ("DefaultRule_AllowVnetInBound", "I", "AB") in Evidence(tmp_path).of(PROXY, BUILD, 22)
    assert Evidence(tmp_path).denied(PROXY, BUILD, 22) == []


async def test_build_vm_reboots() -> None:
    """Row 10: silence, then RST, then it is served again."""
    async with quick(**QUICKLY) as channel:
        await channel.set_machine("build-linux", "rebooting")
        with client() as waiting:
            assert await connects(waiting, entry(channel), 5) == "connected"
            assert await hears(waiting, 0.2) is None
        await until_state(channel, "build-linux", "service-stopped")
        assert await banner(channel) == b""
        refused = await seen(channel, lambda each: each.reason.name == "ServiceStopped", 5)
        await until_state(channel, "build-linux", "running")
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")

    assert refused.leg == "proxy → build-linux"


async def test_route_to_a_dead_appliance(tmp_path: Path) -> None:
    """Row 11: the proxy's SYN times out; O,A at the proxy, nothing at the build VM; IP flow verify: Allow."""
    async with logged(tmp_path, **QUICKLY) as channel:
        await become(channel, with_routes(channel.world, f"{BUILD}/32 -> VirtualAppliance 10.60.2.4"))
        assert await banner(channel) == b""
        record = await seen(channel, lambda each: each.reason.kind == "route" and each.kind == "close", 5)
        verdict = ip_flow(channel.world, "proxy", direction="outbound", local=f"{PROXY}:*", remote=f"{BUILD}:22")

    found = Evidence(tmp_path).of(PROXY, BUILD, 22)
    ours = [each for each in found if each[1] == "O"]
    assert record.leg == "proxy → build-linux"
    assert len(ours) > len([each for each in found if each[1] == "I"])
    assert Evidence(tmp_path).denied(PROXY, BUILD, 22) == []
    assert verdict.access == "Allow"


async def test_route_of_the_whole_subnet_to_a_dead_appliance() -> None:
    """Row 11, for the subnet's prefix: the answers to private link stray, too: the client's SYN times out."""
    async with quick() as channel:
        await become(channel, with_routes(channel.world, "10.60.0.0/24 -> VirtualAppliance 10.60.2.4"))
        assert await attempt(channel) == "silent"
        record = await seen(channel, lambda each: each.kind == "drop", 5)

    assert (record.leg, record.reason.kind) == ("load-balancer → proxy", "route")


@needs_filters
@pytest.mark.parametrize("reset", [False, True])
async def test_idle_beyond_the_limit(reset: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column of the table
    """Row 12: after four minutes the next write hangs, or RST with `enableTcpReset`; an E tuple ends the flow."""
    async with logged(tmp_path, time_scale=60) as channel:
        found = channel.world.balancer
        assert found
        rules = tuple(replace(each, tcp_reset=reset) for each in found.rules)
        await channel.apply(balancer(channel, rules=rules))
        with client() as connection:
            assert await connects(connection, entry(channel), 5) == "connected"
            assert await hears(connection, 5)
            port = connection.getsockname()[1]
            record = await seen(
                channel, lambda each: each.reason.kind == "timer" and each.client.endswith(f":{port}"), 30
            )
            if reset:
                with pytest.raises(ConnectionResetError):
                    await hears(connection, 5)
            else:
                connection.send(b"anybody?\r\n")
                assert await hears(connection, 0.5) is None

    ended = [text.split(",") for _, text in nsg_tuples(tmp_path) if text.split(",")[3] == str(port)]
    assert record.how == ("rst" if reset else "drop")
    states = [each[8] for each in ended if each[1] == NAT]
    assert (states[0], states[-1]) == ("B", "E")
    assert set(states[1:-1]) <= {"C"}


async def test_rule_removed_mid_build(tmp_path: Path) -> None:
    """Row 13: nothing happens to the open connection; the next one times out; I,D for that one."""
    async with logged(tmp_path) as channel:
        with client() as session:
            assert await connects(session, entry(channel), 5) == "connected"
            assert await hears(session, 5)
            await channel.apply(deny("NoProxy", 300, 60001))
            session.send(b"SSH-2.0-client\r\n")
            assert await hears(session, 5)
            assert await attempt(channel) == "silent"
            await seen(channel, lambda each: each.kind == "drop" and each.reason.name == "NoProxy", 5)
        await channel.apply(ALLOW)
        assert await attempt(channel, seconds=5) == "connected"

    assert ("UserRule_NoProxy", "I", "DB") in Evidence(tmp_path).of(NAT, PROXY, 60001)


async def test_proxy_egress_cap_hit() -> None:
    """Row 14: a transfer takes as long as both its ways need of the proxy VM's bandwidth, and arrives whole."""
    size = 150_000
    async with quick(switches={"proxy_egress_megabits": 2}) as channel:
        loop = asyncio.get_running_loop()
        began = loop.time()
        outcome = await channel.run("linux", f"echo {'x' * size}", timeout=30)
        took = loop.time() - began

    assert outcome.stdout == b"x" * size + b"\n"
    assert took >= (2 * size - SCRATCH_BYTES) / 250_000 - SLACK  # the last read is not waited for
