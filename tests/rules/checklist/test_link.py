"""Private link and balancer: approval, visibility, PROXY v2, SKU, rules, probes, pool."""

from dataclasses import replace
from typing import Any

import pytest

from emulator.model import deployed
from emulator.model.balancer import LoadBalancer, Pool, PoolAddress
from emulator.model.default_world import BUILD_SUBNET
from emulator.model.privatelink import ConnectionState, PrivateLinkService
from emulator.model.world import World
from emulator.rules.condition import assumed
from emulator.rules.path import client_flow, decide
from tests.mending import finding, findings_of, mended, states
from tests.worlds import nic_of, with_state, without, world


def service_of(found: World) -> PrivateLinkService:
    """The world's private link service."""
    assert found.service
    return found.service


def balancer_of(found: World) -> LoadBalancer:
    """The world's load balancer."""
    assert found.balancer
    return found.balancer


def with_balancer(**changes: Any) -> World:
    """The default world with its balancer changed."""
    return world().laid(replace(balancer_of(world()), **changes))


def with_service(**changes: Any) -> World:
    """The default world with its private link service changed."""
    return world().laid(replace(service_of(world()), **changes))


def with_states(own: ConnectionState, theirs: ConnectionState) -> World:
    """The endpoint's connection as its two sides have it."""
    found = with_state(world(), own)
    connections = tuple(replace(each, state=theirs) for each in service_of(found).connections)
    return found.laid(replace(service_of(found), connections=connections))


# The connection at the endpoint, at the service, the state, and what mends it: only Approved on both sides carries,
# and a connection that the provider removed never comes back (azure.md 4.3).
APPROVALS: list[tuple[ConnectionState, ConnectionState, str, str]] = [
    ("Approved", "Approved", "ok", ""),
    ("Pending", "Pending", "failed", "private-endpoint-connection approve --id"),
    ("Approved", "Pending", "failed", "private-endpoint-connection approve --id"),
    ("Approved", "Rejected", "failed", "private-endpoint-connection approve --id"),
    ("Pending", "Approved", "failed", "private-endpoint-connection approve --id"),
    ("Disconnected", "Approved", "failed", "private-endpoint delete --ids"),
    ("Disconnected", "Removed", "failed", "private-endpoint delete --ids"),
    ("Approved", "Removed", "failed", "private-endpoint delete --ids"),
]


@pytest.mark.parametrize(("own", "theirs", "state", "command"), APPROVALS)
def test_approval(own: ConnectionState, theirs: ConnectionState, state: str, command: str) -> None:
    """Both sides must approve; the command approves, or makes the endpoint anew."""
    found = with_states(own, theirs)
    said = finding(found, "endpoint-approved")

    assert (said.state, said.resource) == (state, deployed.ENDPOINT)
    assert f"is {own} at the private endpoint, {theirs} at private link service" in said.found
    assert command in said.mend
    if "approve" in command:
        connection = service_of(found).connections[0].id
        assert said.mend == f"az network private-endpoint-connection approve --id {connection}"
        assert states(mended(found, said), "endpoint-approved") == ["ok"]
    elif command:
        assert f"--private-connection-resource-id {deployed.SERVICE}" in said.mend


def test_a_service_that_lists_no_connection() -> None:
    """A service that says nothing of the endpoint leaves it unknown whether it approves."""
    said = finding(with_service(connections=()), "endpoint-approved")

    assert (said.state, said.resource) == ("unknown", deployed.SERVICE)
    assert said.mend == f"az network private-link-service show --ids {deployed.SERVICE} -o json"


SUBSCRIPTION = deployed.ENDPOINT.subscription
VISIBLE = [
    ((), "Approved", "ok"),
    (("*",), "Pending", "ok"),
    ((SUBSCRIPTION,), "Pending", "ok"),
    (("another",), "Approved", "warning"),
    (("another",), "Pending", "failed"),
]


@pytest.mark.parametrize(("visibility", "connection", "state"), VISIBLE)
def test_visibility(visibility: tuple[str, ...], connection: ConnectionState, state: str) -> None:
    """The service is visible where the endpoint is; a connection that is approved already needs it no more."""
    found = with_states(connection, connection)
    found = found.laid(replace(service_of(found), visibility=visibility))
    said = finding(found, "service-visibility")

    assert (said.state, said.resource) == (state, deployed.SERVICE)
    assert states(mended(found, said), "service-visibility") == ["ok"]


def test_proxy_protocol() -> None:
    """PROXY v2 before a proxy that does not expect it fails; the command turns it off."""
    found = with_service(proxy_protocol=True)
    failed = finding(found, "proxy-protocol")

    assert states(world(), "proxy-protocol") == ["ok"]
    assert (failed.state, failed.resource) == ("failed", deployed.SERVICE)
    assert failed.mend == (
        f"az network private-link-service update --ids {deployed.SERVICE} --enable-proxy-protocol false"
    )
    assert states(mended(found, failed), "proxy-protocol") == ["ok"]


def test_sku() -> None:
    """Private link needs a Standard balancer; a Basic one does not become one, so that another is made."""
    failed = finding(with_balancer(sku="Basic"), "balancer-sku")

    assert states(with_balancer(sku="standard"), "balancer-sku") == ["ok"]
    assert (failed.state, failed.resource) == ("failed", deployed.BALANCER)
    assert f"-n aib-lb-standard --sku Standard --subnet {BUILD_SUBNET}" in failed.mend


def test_rules() -> None:
    """Each port has a rule, to the same port; HA ports lead every port to itself."""
    balancer = balancer_of(world())
    linux, windows = balancer.rules[1], balancer.rules[0]
    crossed = with_balancer(rules=(windows, replace(linux, backend_port=60000)))
    every = with_balancer(rules=(replace(linux, frontend_port=0, backend_port=0, protocol="All"),))
    elsewhere = with_balancer(rules=(windows, replace(linux, frontend=deployed.BALANCER.child("x", "other"))))

    assert states(world(), "balancer-rules") == ["ok", "ok"]
    assert states(every, "balancer-rules") == ["ok"]
    assert states(crossed, "balancer-rules") == ["failed", "ok"]
    assert states(elsewhere, "balancer-rules") == ["failed", "ok"]
    failed = findings_of(crossed, "balancer-rules")[0]
    assert (failed.resource, failed.found) == (linux.id, "rule rule-60001 of aib-lb leads 60001 to 60000")
    assert states(mended(crossed, failed), "balancer-rules") == ["ok", "ok"]


def test_a_missing_rule() -> None:
    """A port without a rule fails; the command makes the rule, with the probe if there is one."""
    balancer = balancer_of(world())
    found = with_balancer(rules=balancer.rules[:1])
    bare = with_balancer(rules=(), probes=(), pools=())
    failed = findings_of(found, "balancer-rules")[0]

    assert (failed.state, failed.resource) == ("failed", deployed.BALANCER)
    assert "--frontend-port 60001 --backend-port 60001 --frontend-ip-name frontend" in failed.mend
    assert "--backend-pool-name proxies --probe-name probe-60001" in failed.mend
    assert states(mended(found, failed), "balancer-rules") == ["ok", "ok"]
    assert "--probe-name" not in findings_of(bare, "balancer-rules")[0].mend


def test_only_the_systems_that_there_are() -> None:
    """A balancer for Linux builds alone needs no rule for Windows."""
    found = without(with_balancer(rules=balancer_of(world()).rules[1:]), "build-windows")

    assert states(found, "balancer-rules") == ["ok"]
    assert states(found, "balancer-probes") == ["ok"]


def probed(**changes: Any) -> World:
    """The default world with the probe of 60001 changed."""
    windows, linux = balancer_of(world()).probes
    return with_balancer(probes=(windows, replace(linux, **changes)))


WRONG = [
    (probed(port=22), "failed", "asks Tcp 22, to which the proxy VM has no answer"),
    (probed(protocol="Http", request_path="/"), "failed", "asks Http 60001"),
    (probed(port=60000), "ok", "asks Tcp 60000"),
    (with_balancer(probes=balancer_of(world()).probes[:1]), "failed", "which the load balancer does not have"),
    (
        with_balancer(rules=tuple(replace(e, probe=None) for e in balancer_of(world()).rules)),
        "warning",
        "has no probe",
    ),
]


@pytest.mark.parametrize(("found", "state", "words"), WRONG)
def test_probes(found: World, state: str, words: str) -> None:
    """A probe asks where the proxy listens; the command makes one that does, and gives it to the rule."""
    said = findings_of(found, "balancer-probes")[0]

    assert said.state == state
    assert words in said.found
    assert states(mended(found, said), "balancer-probes")[0] == "ok"


def without_members(found: World) -> World:
    """The channel with nobody in its balancer's pool, the proxy still a member of the channel."""
    nic = nic_of(found, "proxy")
    pools = tuple(replace(each, configurations=()) for each in balancer_of(found).pools)
    bare = tuple(replace(each, pools=()) for each in nic.configurations)
    return found.laid(replace(balancer_of(found), pools=pools), replace(nic, configurations=bare))


def test_pool() -> None:
    """A pool that holds the proxy's interface is ok; an empty one fails, and the command puts the interface in."""
    empty = without_members(world())
    failed = finding(empty, "balancer-pool")

    assert finding(world(), "balancer-pool").found == "backend pool proxies of aib-lb holds proxy-nic"
    assert (failed.state, failed.resource) == ("failed", deployed.POOL)
    assert "is empty" in failed.found
    assert "--nic-name proxy-nic --ip-config-name ipconfig --lb-name aib-lb --address-pool proxies" in failed.mend
    assert states(mended(empty, failed), "balancer-pool") == ["ok"]


def test_a_pool_of_addresses() -> None:
    """A pool that is configured by address has members, but none that private link can use."""
    empty = without_members(world())
    pools = tuple(
        replace(each, addresses=(PoolAddress("a", nic_of(empty, "proxy").address),))
        for each in balancer_of(empty).pools
    )
    found = empty.laid(replace(balancer_of(empty), pools=pools))
    failed = finding(found, "balancer-pool")

    assert failed.state == "failed"
    assert "is configured by IP address" in failed.found
    assert states(mended(found, failed), "balancer-pool") == ["ok"]


def test_a_pool_of_nobody_known() -> None:
    """A pool may hold an interface that was not loaded; without any proxy the command still names the pool."""
    found = replace(world(), interfaces=())
    said = finding(found, "balancer-pool")
    nobody = without(without_members(world()), "proxy")

    assert said.state == "unknown"
    assert said.mend == f"az network nic show --ids {nic_of(world(), 'proxy').id} -o json"
    assert "--lb-name aib-lb --address-pool proxies" in finding(nobody, "balancer-pool").mend


def test_floating_ip() -> None:
    """A rule with floating IP leads to a proxy that is silent; the command turns it off, and the path agrees."""
    linux = balancer_of(world()).rules[1]
    found = with_balancer(rules=(balancer_of(world()).rules[0], replace(linux, floating_ip=True)))
    failed = findings_of(found, "balancer-floating-ip")[0]
    path = decide(client_flow(found, "linux", 1), found, assumed(found), "linux")

    assert (failed.state, failed.resource) == ("failed", linux.id)
    assert (path.carried, path.end().verdict.reason.name) == (False, "FloatingIp")
    assert states(mended(found, failed), "balancer-floating-ip") == ["ok", "ok"]


def test_what_was_not_loaded() -> None:
    """Without one of the three there is nothing to judge."""
    for lacking in ("endpoints", "services", "balancers"):
        nothing: dict[str, Any] = {lacking: ()}
        found = replace(world(), **nothing)
        assert states(found, "balancer-sku") == ["unknown"]
        assert states(found, "endpoint-approved") == ["unknown"]


def test_what_no_rule_uses() -> None:
    """A port without a rule has no probe to judge, and a pool that no rule leads to is nobody's."""
    spare = Pool(deployed.BALANCER.child("backendAddressPools", "spare"))
    found = with_balancer(pools=(*balancer_of(world()).pools, spare))

    assert states(with_balancer(rules=()), "balancer-probes") == []
    assert [each.resource for each in findings_of(found, "balancer-pool")] == [deployed.POOL]
