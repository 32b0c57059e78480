"""Flows to a load balancer's frontend: its rules, its probes, its members."""

from dataclasses import replace

from emulator.model.network import SecurityRule
from emulator.reason import Outcome
from tests.rules.test_frontend import with_two_frontends
from tests.rules.test_reach import EXPORT, ending, traced
from tests.worlds import world


def test_the_probe_gates_a_balancer() -> None:
    """Where groups drop the probe, a balancer sends new flows nowhere, whoever dials it."""
    found = world("300 deny in AzureLoadBalancer -> *")

    assert ending(traced(found, "build-linux", "load-balancer", 60001)) == (
        "build-linux → load-balancer: dropped, probe-60001"
    )


def test_another_balancer_s_members_are_judged_by_their_groups() -> None:
    """A balancer beside the channel has its own probes: members count as up where groups let those in."""
    balancer = EXPORT.balancer
    assert balancer
    group = EXPORT.groups[0]
    deny = SecurityRule("NoProbe", 100, "Inbound", "Deny", source_prefixes=("AzureLoadBalancer",))
    other = replace(EXPORT, parts=replace(EXPORT.parts, balancer=None))
    dropped = other.laid(replace(group, rules=(deny, *group.rules)))

    address = str(balancer.frontends[0].address)

    assert ending(traced(other, "vm-tools", address, 60001)) == ("load-balancer → proxy: carried, AllowVnetInBound")
    assert traced(dropped, "vm-tools", address, 60001).end().verdict.outcome is Outcome.DROPPED


def test_each_frontend_has_its_own_rules() -> None:
    """A flow to one of several frontends meets the rules of that one."""
    found = with_two_frontends(world())

    assert ending(traced(found, "build-linux", "10.60.0.99", 60000)).endswith("dropped, NoLoadBalancingRule")
    assert str(traced(found, "build-linux", "10.60.0.99", 60001).end().flow.destination_port) == "443"
    assert traced(found, "build-linux", "load-balancer", 60001).end().flow.destination_port == 60001
