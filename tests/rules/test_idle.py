"""The first timer that a silent flow runs into, and what its ends are told (azure.md 3.5, 3.6, 4.4)."""

from dataclasses import replace
from typing import Any

import pytest

from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.rules.idle import idle_limit
from tests.worlds import world


def balanced(**fields: Any) -> World:
    """The default world with these fields in each of its balancer's rules."""
    found = world()
    assert found.balancer
    rules = tuple(replace(each, **fields) for each in found.balancer.rules)
    return found.laid(replace(found.balancer, rules=rules))


def test_four_minutes_and_silence_are_the_default() -> None:
    """The balancer's four minutes come before private link's five, and neither end is told."""
    limit = idle_limit(world(), 60001)

    assert limit
    assert (limit.seconds, limit.reset) == (240, False)
    assert (limit.reason.kind, limit.reason.name) == ("timer", "idleTimeoutInMinutes")
    assert limit.reason.id.endswith("/loadBalancingRules/rule-60001")
    assert "neither end was told" in limit.sentence


def test_private_link_forgets_first_where_the_rule_is_patient() -> None:
    """A rule of ten minutes does not help: private link's own limit is shorter."""
    found = balanced(idle_timeout_minutes=10, tcp_reset=True)
    limit = idle_limit(found, 60001)

    assert limit
    assert (limit.seconds, limit.reset, limit.reason.name) == (300, False, "private_link_idle")
    assert found.service
    assert limit.reason.id == found.service.id.text


def test_private_link_has_switches() -> None:
    """Both the limit and whether it resets are switches, for the sources disagree."""
    found = replace(world(), switches=Switches(private_link_idle=120, private_link_idle_reset=True))
    limit = idle_limit(found, 60001)

    assert limit
    assert (limit.seconds, limit.reset) == (120, True)


@pytest.mark.parametrize(
    ("fields", "established", "reset"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"protocol": "All", "frontend_port": 0, "backend_port": 0}, True, False),
    ],
    ids=["established", "half-closed", "HA ports"],
)
def test_tcp_reset_is_for_established_flows(fields: dict[str, Any], *, established: bool, reset: bool) -> None:
    """`enableTcpReset` tells the ends of an established flow, and never those of HA ports."""
    limit = idle_limit(balanced(tcp_reset=True, **fields), 60001, established=established)

    assert limit
    assert limit.reset is reset
    assert ("both ends were reset" in limit.sentence) is reset


@pytest.mark.parametrize("topology", ["public-ip", "container-instance"])
def test_no_private_link_no_limit(topology: Any) -> None:
    """Without a balancer there is no limit of its own."""
    assert idle_limit(world(topology=topology), 22) is None


def test_a_rule_that_is_removed_leaves_private_links_limit() -> None:
    """An open flow whose rule is gone is still private link's to forget."""
    limit = idle_limit(world(), 60002)

    assert limit
    assert (limit.seconds, limit.reason.name) == (300, "private_link_idle")
