"""The load balancer of the running channel, with real sockets: probes, their absence, ports and their rules."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from emulator.app.channel import Channel
from emulator.errors import InvalidInputError
from emulator.model.balancer import BalancingRule, LoadBalancer
from emulator.model.default_world import BUILD_GROUP, DOCUMENTED_RULE
from emulator.model.network import SecurityGroup, SecurityRule
from tests.app.test_run import attempt, down, quick, seen

pytestmark = pytest.mark.network
NO_PROBES = SecurityGroup(
    BUILD_GROUP,
    (
        replace(DOCUMENTED_RULE, access="Deny", priority=300, name="NoProbes", destination_prefixes=("*",)),
        SecurityRule("Data", 310, "Inbound", "Allow", source_prefixes=("VirtualNetwork",)),
    ),
)
"""168.63.129.16 is denied on the proxy's ports, data is not."""


def balancer(channel: Channel, **fields: Any) -> LoadBalancer:
    """The channel's balancer with other fields."""
    found = channel.world.balancer
    assert found
    return replace(found, **fields)


def probes(channel: Channel, **fields: Any) -> LoadBalancer:
    """The channel's balancer with other fields in each probe."""
    found = channel.world.balancer
    assert found
    return replace(found, probes=tuple(replace(each, **fields) for each in found.probes))


def ha_ports(channel: Channel) -> LoadBalancer:
    """The channel's balancer with one rule, for every port."""
    found = channel.world.balancer
    assert found
    (first, *_) = found.rules
    return replace(found, rules=(replace(first, frontend_port=0, backend_port=0, protocol="All"),))


async def test_without_a_healthy_backend_new_connections_are_silent() -> None:
    """`AllProbedDown`: the probe is denied, the data is not, and nothing is sent once the threshold is reached."""
    async with quick(time_scale=4) as channel:
        await channel.apply(NO_PROBES)
        assert await attempt(channel, seconds=2) == "connected"
        await down(channel, up=False)
        assert await attempt(channel) == "silent"
        record = await seen(channel, lambda each: each.kind == "drop", 5)

    assert (record.reason.kind, record.reason.name) == ("probe", "probe-60001")
    assert "NoProbes" in record.sentence


async def test_all_probed_up_sends_to_everybody() -> None:
    """`noHealthyBackendsBehavior: AllProbedUp`: with every probe failing, new connections go to the proxy."""
    async with quick(time_scale=20) as channel:
        await channel.apply(probes(channel, all_down="AllProbedUp"))
        await channel.apply(NO_PROBES)
        await down(channel, up=False)
        outcome = await channel.run("linux", "echo all the same")

    assert outcome.stdout == b"all the same\n"


async def test_ha_ports_carry_every_port() -> None:
    """One rule of protocol All and port 0 leads both systems' ports to the same port of the proxy."""
    async with quick() as channel:
        await channel.apply(ha_ports(channel))
        linux = await channel.run("linux", "echo linux")
        windows = await channel.run("windows", "echo windows")
        rules: tuple[BalancingRule, ...] = channel.world.balancer.rules if channel.world.balancer else ()

    assert (linux.stdout, windows.stdout) == (b"linux\n", b"windows\r\n")
    assert [(each.protocol, each.frontend_port) for each in rules] == [("All", 0)]


async def test_a_frontend_port_without_a_rule_is_silent() -> None:
    """The rule for 60001 gone, Linux clients hear nothing; the other port's are served."""
    async with quick() as channel:
        found = channel.world.balancer
        assert found
        await channel.apply(
            balancer(channel, rules=tuple(each for each in found.rules if each.frontend_port == 60000))
        )
        assert await attempt(channel) == "silent"
        record = await seen(channel, lambda each: each.kind == "drop", 5)
        async with asyncio.timeout(20):
            assert (await channel.run("windows", "echo served")).stdout == b"served\r\n"

    assert (record.leg, record.reason.name) == ("private-endpoint → load-balancer", "NoLoadBalancingRule")


async def test_contradictions_are_refused_together_and_change_nothing() -> None:
    """Two resources that Azure would refuse beside one that it would take: both are named, and none is applied."""
    async with quick() as channel:
        before, found = channel.world, channel.world.balancer
        assert found
        assert before.service
        again = replace(found.rules[0], id=found.id.child("loadBalancingRules", "again"), backend_port=1)
        service = replace(before.service, visibility=("a",), auto_approval=("b",))
        with pytest.raises(InvalidInputError) as caught:
            await channel.apply([NO_PROBES, balancer(channel, rules=(*found.rules, again)), service])
        assert channel.world == before
        assert (await channel.run("linux", "echo as before")).stdout == b"as before\n"

    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["frontendPort", "autoApproval.subscriptions"]
    assert [line.split(": ")[0].rpartition("/")[2] for line in lines] == ["again", "aib-pls"]


async def test_a_clock_that_is_too_fast_for_keepalives_is_warned_of() -> None:
    """At 60 the four idle minutes are four seconds: `status` says that Packer's keepalives come too rarely."""
    async with quick(time_scale=60) as fast, quick(time_scale=10) as slow:
        said, nothing = fast.status.warnings, slow.status.warnings

    assert len(said) == 2
    assert "last 4 s: not Packer's keepalives come often enough" in said[0]
    assert nothing == ()
