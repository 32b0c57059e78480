"""The load balancer finds its rules and probes."""

import pytest

from tests.worlds import world


@pytest.mark.parametrize("port", [60000, 60001])
def test_a_rule_and_its_probe(port: int) -> None:
    """A frontend port has the rule of its number, gated by the probe of that port."""
    balancer = world().balancer
    assert balancer
    rule = balancer.rule_for(port)
    assert rule

    probe = balancer.probe_of(rule)
    assert probe
    assert (rule.frontend_port, rule.backend_port, probe.port) == (port, port, port)


def test_no_rule() -> None:
    """A port that no rule names has none."""
    balancer = world().balancer
    assert balancer

    assert balancer.rule_for(22) is None


def test_azures_defaults() -> None:
    """A rule idles four minutes without reset by five-tuple; a probe is Tcp, each 5 s, twice in a row."""
    balancer = world().balancer
    assert balancer
    rule, probe = balancer.rules[0], balancer.probes[0]

    assert (rule.distribution, rule.idle_timeout_minutes, rule.tcp_reset) == ("Default", 4, False)
    assert (probe.protocol, probe.interval, probe.threshold) == ("Tcp", 5, 2)
