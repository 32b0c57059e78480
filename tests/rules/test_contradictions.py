"""What Azure refuses to deploy: each contradiction, by resource and field, all at once."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.errors import InvalidInputError
from emulator.model import deployed
from emulator.model.balancer import BalancingRule, LoadBalancer, PoolAddress
from emulator.model.default_world import default_world
from emulator.model.ids import resource_id
from emulator.model.privatelink import NatConfiguration, PrivateLinkService
from emulator.model.resources import Resource
from emulator.rules.contradictions import contradictions, deployable
from tests.worlds import world

RULES = f"{deployed.BALANCER}/loadBalancingRules"


def balancer(*more: BalancingRule, **fields: object) -> LoadBalancer:
    """The default balancer with more rules, or other fields."""
    found = default_world().balancer
    assert found
    return replace(found, rules=(*found.rules, *more), **fields)  # type: ignore[arg-type]


def rule(name: str, frontend_port: int, backend_port: int, **fields: object) -> BalancingRule:
    """A rule from the frontend to the pool."""
    made = balancer().rules[0]
    identity = deployed.BALANCER.child("loadBalancingRules", name)
    return replace(made, id=identity, frontend_port=frontend_port, backend_port=backend_port, **fields)  # type: ignore[arg-type]


def service(**fields: object) -> PrivateLinkService:
    """The default service with other fields."""
    found = default_world().service
    assert found
    return replace(found, **fields)  # type: ignore[arg-type]


def probeless() -> LoadBalancer:
    """Rules without a probe to a pool with an admin state."""
    found = balancer()
    said = (PoolAddress("one", IPv4Address("10.60.0.7"), admin_state="Down"),)
    pools = tuple(replace(each, addresses=said) for each in found.pools)
    return replace(found, pools=pools, rules=tuple(replace(each, probe=None) for each in found.rules))


def nats(count: int) -> tuple[NatConfiguration, ...]:
    """So many NAT addresses."""
    return tuple(NatConfiguration(f"nat-{each}", IPv4Address(f"10.60.0.{20 + each}")) for each in range(count))


CASES = [
    (
        balancer(rule("again", 60001, 60002)),
        f"{RULES}/again: frontendPort: found 60001, which rule rule-60001 has at the same frontend",
    ),
    (
        balancer(rule("other", 443, 60001)),
        f"{RULES}/other: backendPort: found 60001, to which rule rule-60001 sends the same pool",
    ),
    (
        balancer(rule("every", 0, 0, protocol="All")),
        f"{RULES}/every: frontendPort: found 0 (HA ports) beside rule-60000, rule-60001",
    ),
    (
        probeless(),
        f"{deployed.POOL}: loadBalancerBackendAddresses.adminState: found Down, and rule-60000, rule-60001",
    ),
    (
        service(visibility=("a",), auto_approval=("A", "b")),
        f"{deployed.SERVICE}: autoApproval.subscriptions: found b, expected a subset of visibility.subscriptions",
    ),
    (service(nat=nats(9)), f"{deployed.SERVICE}: ipConfigurations: found 9, expected at most 8 NAT addresses"),
    (
        service(id=resource_id("Microsoft.Network/privateLinkServices", "second")),
        "/second: loadBalancerFrontendIpConfigurations: found frontend, which aib-pls has",
    ),
]


@pytest.mark.parametrize(("resource", "message"), CASES)
def test_contradictions(resource: Resource, message: str) -> None:
    """One line, with resource, field, found and expected."""
    (line,) = contradictions(world().laid(resource))

    assert message in line
    assert ", expected " in line


FINE = [
    balancer(rule("other", 443, 60001, floating_ip=True)),
    balancer(rule("udp", 60001, 60001, protocol="Udp")),
    service(visibility=("*",), auto_approval=("a",)),
    service(auto_approval=("a",)),
    service(nat=nats(8)),
    balancer(),
]


@pytest.mark.parametrize("resource", FINE)
def test_what_azure_takes(resource: Resource) -> None:
    """Floating IP, another protocol, everybody visible: nothing to say."""
    found = world().laid(resource)

    assert list(contradictions(found)) == []
    assert deployable(found) is found


def test_all_are_told_at_once() -> None:
    """A balancer and a service that are both wrong are two lines of one refusal."""
    with pytest.raises(InvalidInputError) as caught:
        deployable(world().laid(balancer(rule("again", 60001, 60002)), service(nat=nats(9))))

    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["frontendPort", "ipConfigurations"]
