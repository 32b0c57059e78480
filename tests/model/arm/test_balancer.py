"""Load balancers as Azure writes them."""

from ipaddress import IPv4Address
from typing import Any

import pytest

from emulator.model import arm
from emulator.model.balancer import LoadBalancer
from emulator.model.ids import ResourceId
from tests.documents import DATA, NETWORK, document, finding, one, said

KIND = "Microsoft.Network/loadBalancers"
BALANCER = f"{NETWORK}/loadBalancers/x"
FRONTEND = {"id": f"{BALANCER}/frontendIPConfigurations/f"}
POOL = {"id": f"{BALANCER}/backendAddressPools/p"}
PROBE = {"id": f"{BALANCER}/probes/q"}
PARTS: dict[str, Any] = {
    "frontendIPConfigurations": [{"name": "f", "properties": {"privateIPAddress": "10.0.0.6"}}],
    "backendAddressPools": [{"name": "p"}],
    "probes": [{"name": "q", "properties": {"protocol": "Tcp", "port": 60001}}],
}


def with_rule(**fields: Any) -> dict[str, Any]:
    """A balancer with one rule, which has these fields."""
    rule = {"protocol": "Tcp", "frontendPort": 1, "backendPort": 1, "frontendIPConfiguration": FRONTEND, **fields}
    return document(KIND, {**PARTS, "loadBalancingRules": [{"name": "r", "properties": rule}]})


def with_part(collection: str, **fields: Any) -> dict[str, Any]:
    """A balancer with one part."""
    return document(KIND, {**PARTS, collection: [{"name": "r", "properties": fields}]})


def test_the_published_example() -> None:
    """Azure's own example is read with every part, and each rule finds its parts."""
    path = DATA / "azure" / "network" / "LoadBalancerGet.json"
    found = one(LoadBalancer, arm.load_json("a.json", path.read_bytes()))
    (rule,), (nat,), (frontend,), (pool,) = found.rules, found.nat_rules, found.frontends, found.pools

    assert (rule.frontend_port, rule.frontend, rule.pools) == (80, frontend.id, (pool.id,))
    assert (found.probe_of(rule), nat.frontend) == (found.probes[0], frontend.id)
    assert (frontend.private_address, frontend.subnet and frontend.subnet.name) == (
        IPv4Address("10.0.1.4"),
        "subnetlb",
    )


@pytest.mark.parametrize(
    ("fields", "pools"),
    [
        ({"backendAddressPool": POOL}, ["p"]),
        ({"backendAddressPools": [POOL]}, ["p"]),
        ({"backendAddressPool": POOL, "backendAddressPools": [POOL]}, ["p"]),
        ({}, []),
    ],
)
def test_the_pools_of_a_rule(fields: dict[str, Any], pools: list[str]) -> None:
    """A rule names its pool in the singular field, the plural one, or both."""
    assert [each.name for each in one(LoadBalancer, with_rule(**fields)).rules[0].pools] == pools


def test_what_a_rule_may_leave_out() -> None:
    """A rule idles four minutes, hashes the five-tuple and resets nothing, unless it says otherwise (azure.md 3)."""
    rule = one(LoadBalancer, with_rule()).rules[0]

    assert (rule.idle_timeout_minutes, rule.distribution, rule.tcp_reset, rule.floating_ip) == (
        4,
        "Default",
        False,
        False,
    )
    assert rule.probe is None


def test_members_of_a_pool() -> None:
    """A pool has members by interface, by address and network, each with the operator's word on it."""
    nic = f"{NETWORK}/networkInterfaces/n/ipConfigurations/c"
    members = [
        {"name": "a", "properties": {"ipAddress": "10.0.0.7", "virtualNetwork": {"id": "/v"}, "adminState": "down"}},
        {"name": "b", "properties": {"networkInterfaceIPConfiguration": {"id": nic}}},
    ]
    fields = {"loadBalancerBackendAddresses": members, "backendIPConfigurations": [{"id": nic}]}
    (pool,) = one(LoadBalancer, with_part("backendAddressPools", **fields)).pools

    first, second = pool.addresses
    assert (first.address, first.network, first.admin_state) == (IPv4Address("10.0.0.7"), ResourceId("/v"), "Down")
    assert (second.configuration, second.admin_state, pool.configurations) == (
        ResourceId(nic),
        "None",
        (ResourceId(nic),),
    )


def test_a_nat_rule_for_a_pool() -> None:
    """An inbound NAT rule may have a range of ports and a pool in place of one port: its own is 0 then."""
    fields = {"protocol": "Tcp", "frontendPortRangeStart": 50000, "backendAddressPool": POOL}
    (rule,) = one(LoadBalancer, with_part("inboundNatRules", **fields)).nat_rules

    assert (rule.frontend_port, rule.backend_port, rule.kept.within) == (
        0,
        0,
        {"frontendPortRangeStart": 50000, "backendAddressPool": POOL},
    )


# Azure's limits (azure.md 3.1, 3.4, 3.6, 3.7).
WRONG: list[tuple[dict[str, Any], str]] = [
    (with_rule(protocol="All"), "frontendPort: found 1, expected 0"),
    (with_rule(frontendPort=0), "frontendPort: found 0, expected 1 to 65534"),
    (with_rule(frontendPort=65535), "frontendPort: found 65535, expected a whole number from 0 to 65534"),
    (with_rule(backendPort=None), "backendPort: found nothing, expected a value"),
    (with_rule(idleTimeoutInMinutes=3), "idleTimeoutInMinutes: found 3, expected a whole number from 4 to 100"),
    (with_rule(loadDistribution="RoundRobin"), "one of Default, SourceIP, SourceIPProtocol"),
    (with_part("probes", protocol="Tcp", port=0), "port: found 0, expected a whole number from 1 to 65535"),
    (with_part("probes", protocol="Http", port=80), "requestPath: found nothing, expected a path, which a probe by"),
    (with_part("probes", protocol="Tcp", port=1, intervalInSeconds=4), "intervalInSeconds: found 4, expected"),
    (with_part("inboundNatRules", frontendPort=1), "protocol: found nothing, expected a value"),
    (with_part("outboundRules", protocol="Any"), "one of Tcp, Udp, All"),
]


@pytest.mark.parametrize(("value", "expected"), WRONG)
def test_what_azure_would_refuse(value: dict[str, Any], expected: str) -> None:
    """What Azure does not take is refused, with what it takes."""
    assert expected in finding(value)


@pytest.mark.parametrize("port", [0, 60001])
def test_ports_of_a_protocol(port: int) -> None:
    """Port 0 is every port, which protocol All alone has; one port goes with any other protocol."""
    value = with_rule(frontendPort=port, backendPort=port, protocol="All" if port == 0 else "Tcp")

    assert one(LoadBalancer, value).rules[0].frontend_port == port


# A rule names parts of its own balancer, by field: which are there, and which it has.
DANGLING = [
    ("frontendIPConfiguration", f"{BALANCER}/frontendIPConfigurations/g", "f"),
    ("probe", f"{BALANCER}/probes/g", "q"),
    ("backendAddressPool", f"{BALANCER}/backendAddressPools/g", "p"),
]


@pytest.mark.parametrize(("field", "reference", "has"), DANGLING)
def test_a_rule_names_what_its_balancer_has(field: str, reference: str, has: str) -> None:
    """A rule that names a part which its balancer has not is refused, with those that it has."""
    (line,) = said(with_rule(**{field: {"id": reference}}))

    expected = f'{field}: found "{reference}"'[:60]
    assert line.startswith(f"0.json: {BALANCER}/loadBalancingRules/r: {expected}")
    assert line.endswith(f"expected one that the balancer has: {has}")


def test_parts_of_another_balancer_are_not_looked_for() -> None:
    """What a rule names elsewhere may be elsewhere; a balancer without pools says that it has none."""
    elsewhere = {"id": f"{NETWORK}/loadBalancers/y/probes/g"}
    bare = document(KIND, {"loadBalancingRules": with_rule(probe=PROBE)["properties"]["loadBalancingRules"]})

    assert one(LoadBalancer, with_rule(probe=elsewhere)).rules[0].probe == ResourceId(elsewhere["id"])
    assert [line.rpartition(": ")[2] for line in said(bare)] == ["none", "none"]
