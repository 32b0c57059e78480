"""Decisions that are remembered are those that would be made."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.model.flow import Flow
from emulator.model.ports import PortRange
from emulator.model.world import World
from emulator.rules import path
from emulator.rules.condition import Condition, assumed
from emulator.rules.decisions import Decisions
from emulator.rules.legs import Leg
from tests.worlds import DOCUMENTED, rule, world

PORTS = [1, 1023, 1024, 30_000, 39_999, 40_000, 45_000, 49_999, 50_000, 65_535]


def split_by_port() -> World:
    """A world in which clients of some source ports are denied at the proxy, and others at the build VM."""
    at_proxy = replace(rule("110 deny in * -> *:60001"), source_ports=(PortRange(40_000, 49_999),))
    at_build = replace(rule("120 deny in * -> *:22"), source_ports=(PortRange(1024, 30_000),))
    return world(DOCUMENTED, at_proxy, at_build)


def essence(leg: Leg) -> tuple[object, ...]:
    """All of a leg but the sentences."""
    verdict = leg.verdict
    return leg.name, leg.segment, leg.flow, verdict.outcome, verdict.reason, leg.resource, len(leg.checks)


@pytest.mark.parametrize("found", [world(), split_by_port(), world(proxies=2)], ids=["open", "split", "two proxies"])
def test_a_path_is_the_same_as_decided(found: World) -> None:
    """For every source port, asked twice and in any order."""
    condition = assumed(found)
    decisions = Decisions(found, condition)
    for port in [*PORTS, *reversed(PORTS)]:
        flow = path.client_flow(found, "linux", port)
        decided = path.decide(flow, found, condition, "linux")
        remembered = decisions.path(flow, "linux")

        assert [essence(leg) for leg in remembered.legs] == [essence(leg) for leg in decided.legs]
        assert (remembered.proxy, remembered.reached) == (decided.proxy, decided.reached)


@pytest.mark.parametrize("found", [world(), split_by_port()], ids=["open", "split"])
def test_a_second_leg_is_the_same_as_decided(found: World) -> None:
    """For every source port, asked twice."""
    decisions = Decisions(found, Condition())
    for port in PORTS * 2:
        decided = path.second_leg(found, Condition(), "linux", found.proxies[0], port)

        assert essence(decisions.second_leg("linux", found.proxies[0], port)) == essence(decided)


def test_a_path_that_ends_has_its_own_sentence() -> None:
    """A record of a denied attempt names the port that it came from."""
    found = split_by_port()
    decisions = Decisions(found, assumed(found))
    flows = [path.client_flow(found, "linux", port) for port in (41_000, 42_000)]
    said = [decisions.path(flow, "linux").end().verdict.sentence for flow in flows]

    assert ":41000 " in said[0]
    assert ":42000 " in said[1]


def test_sources_are_told_apart() -> None:
    """Who is not the client has a path of its own."""
    found = world()
    decisions = Decisions(found, assumed(found))
    own = path.client_flow(found, "linux", 50_000)
    other = Flow(IPv4Address("10.61.0.99"), 50_000, own.destination, own.destination_port)

    assert decisions.path(own, "linux").legs[0].flow.source == own.source
    assert decisions.path(other, "linux").legs[0].flow.source == other.source
