"""What a change does to a flow that is open: as a rule nothing (azure.md 2.5, 3.5, 4.3)."""

from dataclasses import replace
from typing import Any

import pytest

from emulator.model.balancer import PoolAddress
from emulator.model.privatelink import ConnectionState
from emulator.model.switches import Switches
from emulator.model.world import World
from emulator.rules.condition import Condition, Silence
from emulator.rules.live import Fate, of_first_segment, of_second_segment, opened
from emulator.rules.path import client_flow, decide, second_leg
from tests.worlds import DOCUMENTED, healthy, nic_of, nsg, with_state, world

OPEN = world(DOCUMENTED)
DENY = "300 deny in * -> *:60001", "310 deny in * -> *:22"


def switched(found: World, **fields: Any) -> World:
    """The world with these switches."""
    return replace(found, switches=Switches(**fields))


def first(after: World, condition: Condition | None = None) -> Fate | None:
    """The fate of a flow that was let in by the open world, when the world has become `after`."""
    flow = client_flow(OPEN, "linux", 50000)
    now = condition or healthy(after)
    then = opened(decide(flow, OPEN, healthy(OPEN), "linux"))
    return of_first_segment(after, now, then, lambda: decide(flow, after, now, "linux"))


def second(after: World, condition: Condition | None = None) -> Fate | None:
    """The fate of the proxy's flow to the build VM."""
    now = condition or healthy(after)
    (proxy,) = after.proxies
    build = after.member("build-linux")
    return of_second_segment(after, now, proxy, build, lambda: second_leg(after, now, "linux", proxy, 50000))


def silent(hop: str, why: Silence) -> Condition:
    """A machine that answers nothing."""
    return replace(healthy(OPEN), silent=frozenset({(hop, why)}))


def test_rules_are_for_new_flows() -> None:
    """A rule that denies both segments leaves open flows alone."""
    after = OPEN.laid(nsg(DOCUMENTED, *DENY))

    assert first(after) is None
    assert second(after) is None


@pytest.mark.parametrize("by", ["flushConnection", "switch"])
def test_open_flows_are_cut_where_it_is_wanted(by: str) -> None:
    """`flushConnection` on the group, or the switch `rule_change`, has them judged anew: silence, and the rule."""
    group = nsg(DOCUMENTED, *DENY)
    after = OPEN.laid(replace(group, flush_connection=True) if by == "flushConnection" else group)
    after = switched(after, rule_change="cut") if by == "switch" else after
    fates = first(after), second(after)

    assert [(fate.how, fate.reason.name) for fate in fates if fate] == [("drop", "deny-300"), ("drop", "deny-310")]


def test_open_flows_are_judged_where_they_are() -> None:
    """Without a balancing rule no new flow comes to the proxy, and its group still cuts those that are there."""
    after = OPEN.laid(replace(nsg(DOCUMENTED, *DENY), flush_connection=True))
    balancer = after.balancer
    assert balancer
    fate = first(after.laid(replace(balancer, rules=())))

    assert fate is not None
    assert (fate.how, fate.reason.name) == ("drop", "deny-300")


def test_flushing_spares_what_is_allowed() -> None:
    """A group with `flushConnection` cuts nothing that its rules allow."""
    after = OPEN.laid(replace(nsg(DOCUMENTED), flush_connection=True))

    assert first(after) is None
    assert second(after) is None


@pytest.mark.parametrize("state", ["Rejected", "Disconnected", "Pending"])
@pytest.mark.parametrize(("switch", "how"), [("black-hole", "drop"), ("reset", "rst"), ("keep", None)])
def test_an_endpoint_that_is_lost(state: ConnectionState, switch: Any, how: str | None) -> None:
    """A connection that is no longer approved: its open flows are lost, reset or kept, by a switch."""
    fate = first(switched(with_state(OPEN, state), endpoint_lost=switch))

    assert (fate.how if fate else None) == how
    assert fate is None or fate.reason.name == state


@pytest.mark.parametrize("why", ["Rebooting", "Deallocated"])
def test_a_machine_that_is_gone_says_no_last_word(why: Silence) -> None:
    """Flows to a proxy that is gone are lost, in both segments; the record names the machine."""
    fates = first(OPEN, silent("proxy", why)), second(OPEN, silent("proxy", why))

    assert [(fate.how, fate.by, fate.reason.name) for fate in fates if fate] == [("drop", "proxy", why)] * 2
    lost = second(OPEN, silent("build-linux", why))
    assert lost
    assert (lost.how, lost.by) == ("drop", "build-linux")
    assert first(OPEN, silent("build-linux", why)) is None


def test_a_firewall_in_the_guest_lets_open_flows_go_on() -> None:
    """It judges new flows, as a security group does."""
    assert first(OPEN, silent("proxy", "GuestFirewall")) is None
    assert second(OPEN, silent("build-linux", "GuestFirewall")) is None


def with_admin_state_down(found: World, drain: int | None = None) -> World:
    """The proxy's admin state is Down in its pool, which has a drain period or none."""
    assert found.balancer
    address = PoolAddress("proxy", nic_of(found, "proxy").address, admin_state="Down")
    pools = tuple(replace(each, addresses=(address,), drain_seconds=drain) for each in found.balancer.pools)
    return found.laid(replace(found.balancer, pools=pools))


@pytest.mark.parametrize(
    ("switch", "drain", "how", "after"),
    [("keep", None, None, 0), ("reset", None, "rst", 0), ("keep", 30, "rst", 30), ("reset", 30, "rst", 30)],
)
def test_admin_state_down(switch: Any, drain: int | None, how: str | None, after: float) -> None:
    """Open flows go on or are reset, by a switch; with a drain period they are reset when it is over."""
    fate = first(switched(with_admin_state_down(OPEN, drain), admin_down=switch))

    assert (fate.how if fate else None) == how
    assert fate is None or (fate.after, fate.reason.name) == (after, "AdminState")


@pytest.mark.parametrize(
    ("switch", "proxies", "how"), [("continue", 1, None), ("drop", 1, "drop"), ("drop", 2, None)]
)
def test_the_only_backend_is_down(switch: Any, proxies: int, how: str | None) -> None:
    """Whether open flows of a pool's only backend outlive its probe is a switch; with two backends they do."""
    found = world(DOCUMENTED, proxies=proxies)
    fate = first(switched(found, sole_backend_down=switch), Condition())

    assert (fate.how if fate else None) == how
    assert fate is None or fate.reason.kind == "probe"


def test_without_private_link_only_the_machine_counts() -> None:
    """In the direct topologies there is no endpoint, pool or probe to lose."""
    found = world(topology="public-ip")
    route = decide(client_flow(found, "linux", 50000), found, Condition(), "linux")
    gone = Condition(silent=frozenset({("build-linux", "Deallocated")}))

    assert of_first_segment(found, Condition(), opened(route), lambda: route) is None
    fate = of_first_segment(found, gone, opened(route), lambda: route)
    assert fate
    assert (fate.how, fate.by) == ("drop", "build-linux")
