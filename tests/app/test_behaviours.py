"""The behaviours that make an emulator of this channel believable: azure.md, section 9, each under its number.

Numbers 12, 13, 17, 18 and 20 belong to the image build.
"""

import asyncio
import contextlib
import socket
import ssl
from dataclasses import replace
from typing import Any

import pytest

from emulator import effective_rules, explain, ip_flow
from emulator.app.channel import Channel
from emulator.app.run import start
from emulator.errors import InvalidInputError
from emulator.model.balancer import AdminState, LoadBalancer, PoolAddress
from emulator.model.default_world import BUILD_GROUP, DOCUMENTED_RULE, default_world
from emulator.model.ids import resource_id
from emulator.model.network import SecurityGroup
from emulator.model.privatelink import ConnectionState
from emulator.model.world import World
from emulator.net import filters
from tests.app.test_balancer import NO_PROBES, probes
from tests.app.test_failure_signatures import become
from tests.app.test_private_link import READS, observed, service
from tests.app.test_run import attempt, client, connects, deny, down, entry, hears, quick, seen
from tests.app.test_timers import balancer
from tests.rules.test_security import DENY_IN, DENY_OUT
from tests.worlds import nsg, rule, with_routes, with_state

pytestmark = pytest.mark.network
KEEPIDLE = getattr(socket, "TCP_KEEPIDLE", 4)
BYPASS = {"switches": {"pls_data_nsg": "bypass", "proxy_connect_timeout": 5}, "time_scale": 10}
ALLOW_IN = "410 allow in VirtualNetwork -> VirtualNetwork:22,5986"
ALLOW_OUT = "410 allow out VirtualNetwork -> VirtualNetwork:22,5986"


async def banner(channel: Channel) -> bytes | None:
    """What a fresh client hears; nothing at the end of its connection."""
    with client() as connection:
        assert await connects(connection, entry(channel), 5) == "connected"
        return await hears(connection, 10)


async def test_behaviour_1_security_groups_decide_both_ways_within_a_subnet() -> None:
    """Deny-all with the documented rule breaks proxy → build VM; one allow, inbound or outbound, mends nothing."""
    closed = (DOCUMENTED_RULE, DENY_IN, DENY_OUT)
    heard = []
    async with quick(**BYPASS) as channel:
        for more in ((), (ALLOW_IN,), (ALLOW_OUT,), (ALLOW_IN, ALLOW_OUT)):
            await channel.apply(nsg(*closed, *more))
            heard.append(await banner(channel))
        record = await seen(channel, lambda each: each.hop == "proxy" and each.reason.kind == "rule", 5)

    assert heard[:3] == [b"", b"", b""]
    assert (heard[3] or b"").startswith(b"SSH-2.0")
    assert record.leg == "proxy → build-linux"


def unlinked(channel: Channel) -> LoadBalancer:
    """The balancer without rules."""
    return replace(balancer(channel), rules=())


async def test_behaviour_2_a_drop_is_silent() -> None:
    """A denied SYN, no healthy backend, no rule, no approval: silence; RST comes from a guest alone."""
    pending = with_state(default_world(), "Pending").endpoint
    assert pending
    async with quick(time_scale=4) as channel:
        found = {}
        for name, resources in (
            ("denied", deny("NoProxy", 300, 60001)),
            ("no rule", unlinked(channel)),
            ("not approved", pending),
        ):
            await channel.apply(resources)
            found[name] = await attempt(channel)
            await channel.reset()
        await channel.stop("proxy")
        found["closed port"] = await attempt(channel)
        await down(channel, up=False)
        found["no healthy backend"] = await attempt(channel)

    assert found.pop("closed port") == "refused"
    assert set(found.values()) == {"silent"}
    assert len(found) == 4


async def test_behaviour_3_each_leg_fails_by_itself() -> None:
    """Five faults, five legs in the records; connect and then die differs from a connect that times out."""
    pending = with_state(default_world(), "Pending").endpoint
    assert pending
    faults: list[tuple[Any, str, str]] = [
        (pending, "client → private-endpoint", "silent"),
        (None, "private-endpoint → load-balancer", "silent"),
        (deny("NoProxy", 300, 60001), "load-balancer → proxy", "silent"),
        (deny("NoSsh", 300, 22), "proxy → build-linux", "connected"),
    ]
    async with quick(time_scale=10, switches={"proxy_connect_timeout": 5}) as channel:
        for resources, leg, outcome in faults:
            await channel.apply(resources or unlinked(channel))
            assert await attempt(channel, seconds=5 if outcome == "connected" else 0.4) == outcome
            await seen(channel, lambda each, leg=leg: each.leg == leg and each.reason.kind != "peer", 10)
            await channel.reset()
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")


async def test_behaviour_4_probes_come_from_the_host_and_stop_new_flows_only() -> None:
    """Healthy but data denied, and probe denied while data may pass: both are possible, and differ."""
    data = SecurityGroup(BUILD_GROUP, (DOCUMENTED_RULE, rule("410 deny in 10.60.0.5 -> *:60000-60001")))
    async with quick(time_scale=4) as channel:
        await channel.apply(data)
        await channel.scene.clock.sleep(15)
        healthy = len(channel.scene.condition.healthy)
        assert await attempt(channel) == "silent"
        await channel.apply(NO_PROBES)
        with client() as session:
            assert await connects(session, entry(channel), 5) == "connected"
            assert await hears(session, 5)
            await down(channel, up=False)
            assert await attempt(channel) == "silent"
            session.send(b"SSH-2.0-client\r\n")
            assert await hears(session, 5)
        source = explain(channel.world, "168.63.129.16", "proxy:60001").end().flow.source

    assert healthy == 2
    assert str(source) == "168.63.129.16"


async def test_behaviour_5_ports_and_systems_are_paired() -> None:
    """60001 leads to SSH, 60000 to WinRM with a certificate of another name; a port without its rule to nobody."""
    async with quick() as channel:
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection(*entry(channel, "windows"), ssl=context)
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        closed = explain(channel.world, "proxy", "build-windows:5985").end()
        found = balancer(channel)
        await channel.apply(replace(found, rules=tuple(each for each in found.rules if each.frontend_port == 60000)))
        assert await attempt(channel) == "silent"

    assert b"build-windows.cloudapp.net" in certificate
    assert closed.flow.destination_port == 5985


async def test_behaviour_6_sources_are_rewritten() -> None:
    """The proxy sees the NAT address, the build VM the proxy; the client is known by PROXY v2 alone."""
    async with quick(resources=[service(proxy_protocol=True)], switches=READS) as channel:
        outcome = await channel.run("linux", "echo $SSH_CONNECTION")
        introduced = await observed(channel, "LinkHeaderRead")
        inner = await seen(channel, lambda each: each.hop == "proxy", 5)
        path = explain(channel.world, "client", "build-linux")

    assert outcome.stdout.split()[0] == b"10.60.0.7"
    assert outcome.stdout.split()[2] == b"10.60.0.8"
    assert str(introduced.data["client"]).startswith("10.61.0.4:")
    assert inner.source.startswith("10.60.0.7:")
    assert [str(leg.flow.source) for leg in path.legs] == ["10.61.0.4", "10.60.0.5", "10.60.0.5", "10.60.0.7"]


@pytest.mark.parametrize("flush", [False, True])
async def test_behaviour_7_established_flows_survive_a_rule_unless_flushed(flush: bool) -> None:  # noqa: FBT001 - a column
    """The rule is for new connections; `flushConnection` judges open ones anew, and cuts them without a word."""
    async with quick() as channel:
        with client() as session:
            assert await connects(session, entry(channel), 5) == "connected"
            assert await hears(session, 5)
            await channel.apply(replace(deny("NoProxy", 300, 60001), flush_connection=flush))
            session.send(b"SSH-2.0-client\r\n")
            heard = await hears(session, 0.5 if flush else 5)
            assert await attempt(channel) == "silent"

    assert bool(heard) == (not flush)
    assert heard != b""


STATES: tuple[ConnectionState, ...] = ("Pending", "Rejected", "Approved", "Disconnected")


async def test_behaviour_8_only_an_approved_endpoint_carries() -> None:
    """Each state but Approved is silent, and Approved again carries again."""
    outcomes = {}
    async with quick() as channel:
        for state in STATES:
            found = with_state(channel.world, state)
            assert found.endpoint
            await channel.apply(found.endpoint)
            outcomes[state] = await attempt(channel, seconds=5 if state == "Approved" else 0.4)

    assert outcomes == {
        "Pending": "silent",
        "Rejected": "silent",
        "Approved": "connected",
        "Disconnected": "silent",
    }


async def test_behaviour_9_a_subnet_with_policies_fails_at_deployment() -> None:
    """A fresh subnet's `privateLinkServiceNetworkPolicies` is Enabled: nothing starts, and the field is named."""
    network = resource_id("Microsoft.Network/virtualNetworks", "fresh").text
    fresh = {
        "id": network,
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.70.0.0/16"]},
            "subnets": [{"name": "build", "properties": {"addressPrefix": "10.70.0.0/24"}}],
        },
    }
    with pytest.raises(
        InvalidInputError, match="privateLinkServiceNetworkPolicies: found Enabled, expected Disabled"
    ):
        async with start(resources=[fresh], subnet=f"{network}/subnets/build"):
            raise AssertionError("it must not start")


@pytest.mark.skipif(filters.supported() is not None, reason=str(filters.supported()))
async def test_behaviour_10_idle_flows_go_silently_and_keepalives_keep_them() -> None:
    """Four minutes of silence: the flow is gone and nobody was told; the same with keepalives goes on."""
    async with quick(time_scale=60) as channel:
        with client() as silent, client() as alive:
            alive.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option in (KEEPIDLE, socket.TCP_KEEPINTVL):
                alive.setsockopt(socket.IPPROTO_TCP, option, 1)
            for each in (silent, alive):
                assert await connects(each, entry(channel), 5) == "connected"
                assert await hears(each, 5)
            record = await seen(channel, lambda each: each.reason.kind == "timer", 20)
            assert await hears(silent, 0.3) is None
            alive.send(b"SSH-2.0-client\r\n")
            assert await hears(alive, 5)
            port = silent.getsockname()[1]

    assert (record.how, record.reason.name) == ("drop", "idleTimeoutInMinutes")
    assert record.client.endswith(f":{port}")


async def test_behaviour_11_the_tools_name_the_rule_that_decided() -> None:
    """IP flow verify, effective rules and the record of a dropped attempt agree; section 8's tests read flow logs."""
    async with quick() as channel:
        await channel.apply(deny("NoProxy", 300, 60001))
        assert await attempt(channel) == "silent"
        record = await seen(channel, lambda each: each.kind == "drop", 5)
        verdict = ip_flow(channel.world, "proxy", direction="inbound", local="10.60.0.7:60001", remote="10.60.0.5:*")
        text = str(effective_rules(channel.world, "proxy"))

    assert (record.reason.name, verdict.access, verdict.rule_name) == ("NoProxy", "Deny", "securityRules/NoProxy")
    assert "securityRules/NoProxy" in text


async def test_behaviour_14_the_tag_virtual_network_contains_the_host() -> None:
    """A deny of VirtualNetwork takes health probes away as well: new connections are silent once they failed."""
    async with quick(time_scale=20) as channel:
        await channel.apply(nsg("300 deny in VirtualNetwork -> *"))
        await down(channel, up=False)
        said = [each.sentence for each in channel.events() if "marks proxy down" in each.sentence]

    assert said
    assert all("deny-300" in each for each in said)


async def test_behaviour_15_a_default_route_leaves_the_channel_alone_and_a_subnets_route_does_not() -> None:
    """0.0.0.0/0 to an appliance is longer than nothing in the network; its own prefix strays, and nothing answers."""
    async with quick() as channel:
        await become(channel, with_routes(channel.world, "0.0.0.0/0 -> VirtualAppliance 10.60.2.4"))
        assert (await banner(channel) or b"").startswith(b"SSH-2.0")
        await channel.reset()
        await become(channel, with_routes(channel.world, "10.60.0.0/24 -> VirtualAppliance 10.60.2.4"))
        assert await attempt(channel) == "silent"
        out = explain(channel.world, "proxy", "internet:443")

    assert not out.carried


def admin(channel: Channel, state: AdminState) -> LoadBalancer:
    """The balancer with an admin state for the proxy."""
    found = balancer(channel)
    address = channel.world.interface_of(channel.world.proxies[0]).address
    pools = tuple(
        replace(each, addresses=(PoolAddress("proxy", address, admin_state=state),)) for each in found.pools
    )
    return replace(found, pools=pools)


async def test_behaviour_16_a_balancer_with_a_single_backend() -> None:
    """A hairpin never arrives; AllProbedUp sends although no probe succeeds; the operator's word overrules both."""
    async with quick(time_scale=20) as channel:
        hairpin = explain(channel.world, "proxy", "load-balancer:60001").end().verdict
        await channel.apply(admin(channel, "Down"))
        assert await attempt(channel) == "silent"
        await channel.reset()
        await channel.apply(NO_PROBES)
        await down(channel, up=False)
        assert await attempt(channel) == "silent"
        await channel.apply(probes(channel, all_down="AllProbedUp"))
        assert await attempt(channel, seconds=5) == "connected"
        await channel.apply(balancer_of_start(channel))
        await channel.apply(admin(channel, "Up"))
        assert await attempt(channel, seconds=5) == "connected"

    assert (hairpin.outcome.value, hairpin.reason.name) == ("dropped", "Hairpin")


def balancer_of_start(channel: Channel) -> LoadBalancer:
    """The balancer that the channel started with."""
    found: World = channel.initial
    assert found.balancer
    return found.balancer


async def test_behaviour_19_capacity() -> None:
    """A backend has as many flows as its NAT address has ports, and the next is silent; the bandwidth is shared."""
    settings = {"nat_ports_per_backend": 2, "proxy_egress_megabits": 250}
    async with quick(switches=settings) as channel:
        with client() as first, client() as second:
            for each in (first, second):
                assert await connects(each, entry(channel), 5) == "connected"
                assert await hears(each, 5)
            assert await attempt(channel) == "silent"
        record = await seen(channel, lambda each: each.kind == "drop", 5)
        shared = channel.scene.pace_of("proxy")

    assert record.reason.name == "NatPortsExhausted"
    assert shared is not None
    assert shared is channel.scene.pace_of("proxy")
