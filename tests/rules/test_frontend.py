"""Frontends: the rule that takes a flow, and the reasons why a balancer sends it nowhere."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.errors import NotLoadedError
from emulator.model import deployed
from emulator.model.balancer import BalancingRule, Frontend, PoolAddress
from emulator.model.world import World
from emulator.rules.condition import Condition
from emulator.rules.path import client_flow, decide
from emulator.rules.playable import playable
from tests.rules.test_path import ending, path_of
from tests.worlds import (
    healthy,
    world,
)


def test_no_rule_for_the_port() -> None:
    """A frontend port without a rule is silent."""
    found = world()
    flow = replace(client_flow(found, "linux", 1), destination_port=22)

    path = decide(flow, found, healthy(found), "linux")

    assert ending(path) == "private-endpoint → load-balancer: dropped, NoLoadBalancingRule"
    assert "has no rule for port 22" in str(path.end().verdict)


def test_no_healthy_backend() -> None:
    """Where no probe is up, new connections go nowhere: silence, in the name of the probe."""
    found = world()

    path = path_of(found, condition=healthy(found, down=["proxy"]))

    assert ending(path) == "load-balancer → proxy: dropped, probe-60001"
    assert "has no healthy backend" in str(path.end().verdict)
    assert "nowhere;" not in str(path.end().verdict)


def test_a_probe_gates_its_own_port() -> None:
    """The probe of one port says nothing of the other's."""
    found = world()
    assert found.balancer
    linux = next(probe for probe in found.balancer.probes if probe.port == 60001)
    condition = Condition(frozenset({(linux.id, found.proxies[0].interface)}))

    assert path_of(found, "linux", condition).carried
    assert ending(path_of(found, "windows", condition)) == "load-balancer → proxy: dropped, probe-60000"


def test_a_machine_outside_the_pool_gets_nothing() -> None:
    """A proxy that is up, but not in the pool, takes no flow."""
    found = world(proxies=2)
    assert found.balancer
    first = found.interface_of(found.proxies[0])
    alone = replace(first, configurations=tuple(replace(each, pools=()) for each in first.configurations))
    pools = tuple(replace(each, configurations=()) for each in found.balancer.pools)
    found = found.laid(alone, replace(found.balancer, pools=pools))

    hops = {path.proxy.hop for port in range(64) if (path := path_of(found, port=port)).proxy}

    assert hops == {"proxy-2"}


@pytest.mark.parametrize("probed", [True, False])
def test_taken_out_by_the_operator(*, probed: bool) -> None:
    """Where the operator took every member out, that is the reason, whatever the probe says of them."""
    found = world(proxies=2)
    assert found.balancer
    said = tuple(
        PoolAddress(each.hop, admin_state="Down", configuration=each.interface.child("ipConfigurations", "ipconfig"))
        for each in found.proxies
    )
    pools = tuple(replace(each, addresses=said) for each in found.balancer.pools)
    rules = tuple(replace(each, probe=each.probe if probed else None) for each in found.balancer.rules)
    found = found.laid(replace(found.balancer, pools=pools, rules=rules))

    assert ending(path_of(found)) == "load-balancer → proxy: dropped, AdminState"


def test_an_empty_pool() -> None:
    """A balancer whose pool has nobody in it says so, rather than that a probe fails."""
    found = world()
    assert found.balancer
    rules = tuple(replace(each, pools=()) for each in found.balancer.rules)

    assert (
        ending(path_of(found.laid(replace(found.balancer, rules=rules))))
        == "load-balancer → proxy: dropped, NoBackend"
    )


def with_two_frontends(found: World) -> World:
    """A frontend in front of the one that private link leads to, with a rule of its own that nobody serves."""
    assert found.balancer
    other = Frontend(deployed.BALANCER.child("frontendIPConfigurations", "web"), IPv4Address("10.60.0.99"))
    identity = deployed.BALANCER.child("loadBalancingRules", "web")
    web = BalancingRule(identity, 60001, 443, frontend=other.id, pools=(deployed.POOL,))
    balancer = found.balancer
    return found.laid(replace(balancer, frontends=(other, *balancer.frontends), rules=(web, *balancer.rules)))


def test_the_services_frontend_counts() -> None:
    """Of several frontends private link leads to the one that its service names, and to its rules alone."""
    found = with_two_frontends(world())
    path = path_of(found)

    assert (str(path.legs[1].flow.destination), path.carried) == ("10.60.0.6", True)
    assert path.legs[1].verdict.reason.name == "rule-60001"
    playable(found)


def test_a_frontend_that_the_balancer_lacks() -> None:
    """A service that leads to a frontend that is not there says which, on the path that needs it."""
    found = world()
    assert found.service
    gone = deployed.BALANCER.child("frontendIPConfigurations", "gone")

    with pytest.raises(NotLoadedError, match=f"leads to frontend {gone}, which load balancer .*/aib-lb lacks"):
        path_of(found.laid(replace(found.service, frontends=(gone,))))


def test_why_no_backend_is_healthy() -> None:
    """A probe that a rule denies, or that a stopped service refuses, is said with what it met."""
    denied = world("300 deny in AzureLoadBalancer -> *")
    stopped = Condition(stopped=frozenset({"proxy"}))
    found = [
        str(decide(client_flow(each, "linux", 40000), each, condition, "linux").end().verdict)
        for each, condition in ((denied, Condition()), (world(), stopped))
    ]

    assert "nowhere; 168.63.129.16:49152 → 10.60.0.7:60001 is denied inbound by rule deny-300" in found[0]
    assert found[1].endswith("nowhere; no service listens on proxy: its machine answers RST")
