"""Source ports that end differently, and those that do not."""

from dataclasses import replace
from functools import partial

from emulator.model.default_world import NETWORK
from emulator.model.flow import Flow
from emulator.model.ids import resource_id
from emulator.model.network import SecurityGroup
from emulator.model.world import World
from emulator.rules.path import ChannelPath, client_flow, decide
from emulator.rules.spread import endings
from tests.worlds import healthy, nic_of, rule, world


def decided(found: World, port: int) -> ChannelPath:
    """The path to the Linux build VM from a source port."""
    flow: Flow = client_flow(found, "linux", port)
    return decide(flow, found, healthy(found), "linux")


def ends(found: World) -> list[str]:
    """Each end of the client's flow, as a sentence."""
    return [str(each) for each in endings(found, partial(decided, found))]


def test_ports_that_make_no_difference() -> None:
    """Where no rule is about source ports there is one end for all."""
    (said,) = endings(world(), partial(decided, world()))

    assert (said.ports, said.path.carried) == (((0, 65535),), True)


def test_rules_about_source_ports() -> None:
    """Each class of ports that a rule tells apart is tried, and those that end alike are told together."""
    said = ends(world("200 deny in *:7 -> *:60001"))

    assert [each.partition(": ")[0] for each in said] == ["from source ports 0-6 and others", "from source port 7"]
    assert "denied inbound by rule deny-200" in said[1]


def test_proxies_that_differ() -> None:
    """Where the hash picks among proxies with different rules, every end that is met is told."""
    found = world(proxies=2)
    group = SecurityGroup(
        resource_id(NETWORK + "networkSecurityGroups", "other"), (rule("200 deny in * -> *:60001"),)
    )
    found = found.laid(group, replace(nic_of(found, "proxy-2"), group=group.id))

    assert {each.path.end().verdict.reason.name for each in endings(found, partial(decided, found))} == {
        "AllowVnetInBound",
        "deny-200",
    }
