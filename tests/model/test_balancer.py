"""The load balancer finds its rules and probes."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address

import pytest

from emulator.errors import NotLoadedError
from emulator.model import deployed
from emulator.model.balancer import BalancingRule, Frontend, LoadBalancer, Probe, TransportProtocol
from emulator.model.ids import resource_id
from tests.worlds import world


@pytest.mark.parametrize("port", [60000, 60001])
def test_a_rule_and_its_probe(port: int) -> None:
    """A frontend port has the rule of its number, gated by the probe of that port."""
    balancer = world().balancer
    assert balancer
    rule = balancer.rule_for(deployed.FRONTEND, port)
    assert rule

    probe = balancer.probe_of(rule)
    assert probe
    assert (rule.frontend_port, rule.backend_port, probe.port) == (port, port, port)


def test_no_rule() -> None:
    """A port that no rule names has none."""
    balancer = world().balancer
    assert balancer

    assert balancer.rule_for(deployed.FRONTEND, 22) is None


def test_azures_defaults() -> None:
    """A rule idles four minutes without reset by five-tuple; a probe is Tcp, each 5 s, twice in a row."""
    balancer = world().balancer
    assert balancer
    rule, probe = balancer.rules[0], balancer.probes[0]

    assert (rule.distribution, rule.idle_timeout_minutes, rule.tcp_reset) == ("Default", 4, False)
    assert (probe.protocol, probe.interval, probe.threshold) == ("Tcp", 5, 2)


BALANCER = resource_id("Microsoft.Network/loadBalancers", "lb")
FRONT = BALANCER.child("frontendIPConfigurations", "front")


def rule(name: str, port: int, protocol: TransportProtocol = "Tcp") -> BalancingRule:
    """A rule of a port."""
    return BalancingRule(BALANCER.child("loadBalancingRules", name), port, port, protocol=protocol)


def test_ha_ports() -> None:
    """A rule for every port takes those that no rule of their own has; UDP is another matter (azure.md 3.7)."""
    every, linux, udp = rule("ha", 0, "All"), rule("linux", 60001), rule("udp", 53, "Udp")
    found = LoadBalancer(BALANCER, rules=(every, linux, udp))

    assert [found.rule_for(FRONT, port) for port in (60001, 22, 53)] == [linux, every, every]
    assert found.rule_for(FRONT, 53, "Udp") == udp
    assert LoadBalancer(BALANCER, rules=(udp,)).rule_for(FRONT, 53) is None


def test_each_frontend_has_its_rules() -> None:
    """A rule of another frontend does not take a port, not even one for every port."""
    other = BALANCER.child("frontendIPConfigurations", "other")
    first, second = replace(rule("a", 22), frontend=other), replace(rule("b", 22), frontend=FRONT)
    found = LoadBalancer(BALANCER, rules=(first, second, replace(rule("ha", 0, "All"), frontend=other)))

    assert (found.rule_for(other, 22), found.rule_for(FRONT, 22)) == (first, second)
    assert found.rule_for(FRONT, 443) is None


def test_a_rule_without_a_probe() -> None:
    """A rule may have no probe, or one that the balancer has not: nothing gates it then."""
    probe = Probe(BALANCER.child("probes", "p"), 60001)
    found = LoadBalancer(BALANCER, probes=(probe,))

    assert found.probe_of(rule("r", 60001)) is None
    assert found.probe_of(BalancingRule(rule("r", 1).id, 1, 1, BALANCER.child("probes", "q"))) is None


def test_the_address_of_a_frontend() -> None:
    """A frontend has its private IPv4 address, or says that it has none; the balancer's subnet is its first's."""
    fronts = [
        Frontend(BALANCER.child("frontendIPConfigurations", str(number)), ip_address(address) if address else None)
        for number, address in enumerate([None, "fd00::6", "10.0.0.6", "10.0.0.7"])
    ]
    found = LoadBalancer(BALANCER, tuple(fronts))

    assert (fronts[2].private_address, found.subnet) == (IPv4Address("10.0.0.6"), None)
    for each in fronts[:2]:
        with pytest.raises(NotLoadedError, match=f"frontend {each.id} has no private IPv4 address"):
            str(each.private_address)
