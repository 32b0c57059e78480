"""Idle limits: the shortest counts, and whether its end is told."""

from dataclasses import replace
from typing import Any

from emulator.model.default_world import BUILD_SUBNET
from emulator.model.switches import Switches
from emulator.model.world import World
from tests.mending import finding, states
from tests.worlds import world


def with_rules(**changes: Any) -> World:
    """The default world with its balancing rules changed."""
    balancer = world().balancer
    assert balancer
    return world().laid(replace(balancer, rules=tuple(replace(each, **changes) for each in balancer.rules)))


def said(found: World) -> str:
    """What the item found."""
    return finding(found, "idle-limits").found


def test_the_shortest_limit() -> None:
    """The shortest of the rule's, private link's and the network's limit counts, and is information only."""
    longer = with_rules(idle_timeout_minutes=30)
    shorter = longer.laid(replace(longer.network_of(BUILD_SUBNET), flow_timeout_minutes=4))
    bare = world().balancer
    assert bare

    assert [states(each, "idle-limits") for each in (world(), longer, shorter)] == [["ok"]] * 3
    assert said(world()).startswith("a connection that is quiet for 4 min is dropped in silence")
    assert said(longer).startswith("a connection that is quiet for 5 min is dropped in silence")
    assert "virtual network aib-vnet 4 min" in said(shorter)
    assert states(world().laid(replace(bare, rules=())), "idle-limits") == ["ok"]


def test_an_end_that_is_told() -> None:
    """With enableTcpReset both ends hear RST, where the rule's limit comes first; behind HA ports they do not."""
    told = with_rules(tcp_reset=True)

    assert said(told).startswith("a connection that is quiet for 4 min is ended by RST towards both ends")
    assert "rule-60001 4 min (RST)" in said(told)
    assert "5 min is dropped in silence" in said(with_rules(tcp_reset=True, idle_timeout_minutes=30))
    every = with_rules(tcp_reset=True, frontend_port=0, backend_port=0, protocol="All")
    assert "is dropped in silence" in said(every)


def test_private_links_own_switches() -> None:
    """Private link's limit, and whether it tells, are switches: what is documented of them disagrees."""
    found = replace(with_rules(idle_timeout_minutes=30), switches=Switches(private_link_idle_reset=True))
    short = replace(world(), switches=Switches(private_link_idle=120.0))

    assert said(found).startswith("a connection that is quiet for 5 min is ended by RST")
    assert said(short).startswith("a connection that is quiet for 2 min is dropped in silence")
