"""Conditions: who listens, and which probes succeed as the groups let them."""

from dataclasses import replace

import pytest

from emulator.model.world import PROXY_PORTS, SYSTEMS, System
from emulator.reason import Outcome
from emulator.rules.condition import Condition, assumed, probe_answer, probe_verdict, probed
from tests.rules.test_security import DENY_IN, DENY_OUT, DENY_VNET, DOCUMENTED_FIRST, OPEN_BUILD, OPEN_PROXY
from tests.worlds import (
    DOCUMENTED,
    without,
    world,
)

# azure.md 8.1, first column: what the probe of the proxy meets, in either reading.
PROBES = [
    ((), Outcome.CARRIED, "AllowVnetInBound"),
    ((DOCUMENTED,), Outcome.CARRIED, "allow-400"),
    ((DENY_IN,), Outcome.DROPPED, "deny-4096"),
    ((DOCUMENTED, DENY_IN), Outcome.CARRIED, "allow-400"),
    ((DOCUMENTED, DENY_IN, DENY_OUT), Outcome.CARRIED, "allow-400"),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD), Outcome.CARRIED, "allow-400"),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD, OPEN_PROXY), Outcome.CARRIED, "allow-400"),
    ((DOCUMENTED, DENY_VNET), Outcome.DROPPED, "deny-300"),
    ((DOCUMENTED_FIRST, DENY_VNET), Outcome.CARRIED, "allow-200"),
]


@pytest.mark.parametrize("data", ["match_nat_ip", "bypass"])
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("rules", "outcome", "name"), PROBES)
def test_probes(rules: tuple[str, ...], outcome: Outcome, name: str, data: str, system: System) -> None:
    """Probes come from 168.63.129.16 and meet the group, whatever the switch for data says."""
    found = world(*rules, data="bypass" if data == "bypass" else "match_nat_ip")

    verdict = probe_verdict(found, Condition(), found.proxies[0], PROXY_PORTS[system])

    assert (verdict.outcome, verdict.reason.name) == (outcome, name)


def test_probes_of_others() -> None:
    """Of a balancer whose members are no hops, probes succeed where the groups let them."""
    found = without(world("150 deny in AzureLoadBalancer -> *:60000"), "proxy")
    assert found.balancer

    assert {(probe.name, nic.name) for probe, nic in probed(found, found.balancer)} == {("probe-60001", "proxy-nic")}
    assert assumed(world(topology="public-ip")) == Condition()


def test_the_build_vm_does_not_touch_the_probe() -> None:
    """A probe asks the proxy: a stopped build VM does not take it out of rotation (azure.md 3.4)."""
    found = world()
    proxy = found.proxies[0]

    assert probe_verdict(found, Condition(stopped=frozenset({"build-linux"})), proxy, 60001).carried
    stopped = probe_verdict(found, Condition(stopped=frozenset({"proxy"})), proxy, 60001)
    assert (stopped.outcome, stopped.reason.name) == (Outcome.REFUSED, "ServiceStopped")
    assert probe_verdict(found, Condition(), proxy, 443).reason.name == "NoListener"


def test_probes_by_http() -> None:
    """A probe that wants a 200 gets none of the proxy, though it connects; the groups are asked before."""
    found = world(DENY_VNET)
    assert found.balancer
    probes = tuple(replace(each, protocol="Http", request_path="/") for each in found.balancer.probes)
    http = world().laid(replace(found.balancer, probes=probes))

    answer = probe_answer(http, Condition(), http.proxies[0], probes[0])
    assert (answer.outcome, answer.reason.name) == (Outcome.REFUSED, "Http")
    assert http.balancer
    assert probed(http, http.balancer) == frozenset()
    assert probe_answer(found, Condition(), found.proxies[0], probes[0]).reason.name == "deny-300"
    assert probe_answer(world(), Condition(), found.proxies[0], found.balancer.probes[0]).carried
