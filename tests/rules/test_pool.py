"""Backend pools: who is in one, and who of them takes new flows (azure.md 3.4, 3.5)."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from emulator.errors import NotLoadedError
from emulator.model import deployed
from emulator.model.balancer import AdminState, BalancingRule, LoadBalancer, OutboundRule, Pool, PoolAddress
from emulator.model.default_world import SERVICE_VNET, VNET
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.world import World
from emulator.rules import pool
from tests.worlds import healthy, nic_of, world

PROXY, SECOND = "proxy-nic", "proxy-2-nic"
CONFIGURATION = deployed.interface_id("proxy").child("ipConfigurations", "ipconfig")
ADDRESS = IPv4Address("10.60.0.7")
EMPTY = Pool(deployed.POOL)


def bare() -> World:
    """Two proxies, whose interfaces name no pool."""
    found = world(proxies=2)
    return found.laid(*(_without_pools(nic_of(found, hop)) for hop in ("proxy", "proxy-2")))


def _without_pools(nic: Interface) -> Interface:
    return replace(nic, configurations=tuple(replace(each, pools=()) for each in nic.configurations))


def balancer(found: World, *pools: Pool, **fields: Any) -> LoadBalancer:
    """The balancer with these pools."""
    assert found.balancer
    return replace(found.balancer, pools=pools, **fields)


def members(found: World, rule: BalancingRule | None = None) -> list[str]:
    """The interfaces in a balancer's pools."""
    assert found.balancer
    return [each.interface.name for each in pool.backends(found, found.balancer, rule)]


# Either side may say who is in a pool: the interface, the pool by configuration, the pool by address.
MEMBERS: list[tuple[Pool, list[str]]] = [
    (EMPTY, []),
    (Pool(deployed.POOL, (CONFIGURATION,)), [PROXY]),
    (Pool(deployed.POOL, (ResourceId(CONFIGURATION.text.upper()),)), [PROXY]),
    (Pool(deployed.POOL, addresses=(PoolAddress("m", ADDRESS, VNET),)), [PROXY]),
    (Pool(deployed.POOL, addresses=(PoolAddress("m", ADDRESS),)), [PROXY]),
    (Pool(deployed.POOL, addresses=(PoolAddress("m", ADDRESS, SERVICE_VNET),)), []),
    (Pool(deployed.POOL, addresses=(PoolAddress("m", IPv4Address("10.60.0.77"), VNET),)), []),
    (Pool(deployed.POOL, addresses=(PoolAddress("m"),)), []),
    (Pool(deployed.POOL, (CONFIGURATION,), (PoolAddress("m", ADDRESS, VNET),)), [PROXY]),
]


@pytest.mark.parametrize(("given", "expected"), MEMBERS)
def test_who_is_in_a_pool(given: Pool, expected: list[str]) -> None:
    """A member is named by its interface, its configuration, or its address within its network."""
    found = bare()

    assert members(found.laid(balancer(found, given))) == expected


def test_the_interface_says_it() -> None:
    """An interface that names a pool is in it, once, in the order of the world."""
    found = world(proxies=2)
    assert found.balancer

    assert members(found) == [PROXY, SECOND]
    assert members(found.laid(balancer(found, EMPTY, Pool(deployed.POOL.parent.child("pools", "p"))))) == [
        PROXY,
        SECOND,
    ]


def test_an_interface_without_a_subnet_is_at_no_address() -> None:
    """An address counts where it lies in a subnet."""
    found = bare()
    nic = nic_of(found, "proxy")
    loose = replace(nic, configurations=tuple(replace(each, subnet=None) for each in nic.configurations))
    laid = found.laid(loose, balancer(found, Pool(deployed.POOL, addresses=(PoolAddress("m", ADDRESS),))))

    assert members(laid) == []


def test_pools_of_a_rule() -> None:
    """A rule has the members of the pools that it names: of another's pools, or of no pool, none."""
    found = world(proxies=2)
    other = Pool(deployed.BALANCER.child("backendAddressPools", "other"))
    found = found.laid(balancer(found, *(found.balancer.pools if found.balancer else ()), other))
    assert found.balancer
    rule = found.balancer.rules[0]

    assert members(found, rule) == [PROXY, SECOND]
    assert members(found, replace(rule, pools=(other.id,))) == []
    assert members(found, replace(rule, pools=(other.id, deployed.POOL))) == [PROXY, SECOND]
    assert members(found, replace(rule, pools=())) == []


# The operator's word on the first proxy, given with its configuration or its address; probes up; who takes new flows.
STATES: list[tuple[AdminState, set[str], list[str]]] = [
    ("None", set(), [PROXY, SECOND]),
    ("None", {"proxy"}, [SECOND]),
    ("None", {"proxy", "proxy-2"}, []),
    ("Up", {"proxy", "proxy-2"}, [PROXY]),
    ("Down", set(), [SECOND]),
    ("Down", {"proxy-2"}, []),
]


@pytest.mark.parametrize("by", ["configuration", "address"])
@pytest.mark.parametrize(("state", "down", "expected"), STATES)
def test_who_takes_new_flows(state: AdminState, down: set[str], expected: list[str], by: str) -> None:
    """A member is ready when its probe is up or the operator says Up, and never when the operator says Down."""
    found = world(proxies=2)
    said = (
        PoolAddress("m", admin_state=state, configuration=CONFIGURATION)
        if by == "configuration"
        else PoolAddress("m", ADDRESS, VNET, state)
    )
    found = found.laid(balancer(found, Pool(deployed.POOL, addresses=(said,))))
    assert found.balancer
    rule = found.balancer.rules[0]

    ready = pool.eligible(found, found.balancer, rule, healthy(found, down=down).healthy)

    assert [each.name for each in ready] == expected


def test_a_rule_without_a_probe() -> None:
    """Without a probe every member takes flows, but for those that the operator took out."""
    found = world(proxies=2)
    said = PoolAddress("m", admin_state="Down", configuration=CONFIGURATION)
    laid = found.laid(balancer(found, Pool(deployed.POOL, addresses=(said,))))
    for each, expected in ((found, [PROXY, SECOND]), (laid, [SECOND])):
        assert each.balancer
        rule = replace(each.balancer.rules[0], probe=None)
        assert [one.name for one in pool.eligible(each, each.balancer, rule, frozenset())] == expected


GONE = deployed.interface_id("gone")
# Members of a pool that were not loaded, by configuration and by address, and how they are called.
UNLOADED = [
    (Pool(deployed.POOL, (CONFIGURATION, GONE.child("ipConfigurations", "ipconfig"))), GONE.text),
    (Pool(deployed.POOL, (CONFIGURATION,), (PoolAddress("m", IPv4Address("10.60.0.77"), VNET),)), "10.60.0.77"),
]


@pytest.mark.parametrize(("given", "named"), UNLOADED)
def test_a_member_that_was_not_loaded(given: Pool, named: str) -> None:
    """A pool with a member that nobody loaded cannot be chosen from: that might be the one; others can."""
    found = bare()
    found = found.laid(balancer(found, given))
    assert found.balancer
    rule = found.balancer.rules[0]

    with pytest.raises(NotLoadedError, match=f"sends to a pool with {named}, which was not loaded"):
        pool.eligible(found, found.balancer, rule, frozenset())
    assert pool.eligible(found, found.balancer, replace(rule, pools=()), frozenset()) == ()


def test_all_probed_up() -> None:
    """`AllProbedUp` sends to all when no probe is up, but for those that the operator took out."""
    found = world(proxies=3)
    assert found.balancer
    probes = tuple(replace(each, all_down="AllProbedUp") for each in found.balancer.probes)
    said = PoolAddress("m", admin_state="Down", configuration=CONFIGURATION)
    found = found.laid(replace(found.balancer, probes=probes, pools=(Pool(deployed.POOL, addresses=(said,)),)))
    assert found.balancer

    def ready(*down: str) -> list[str]:
        assert found.balancer
        up = healthy(found, down=down).healthy
        return [each.name for each in pool.eligible(found, found.balancer, found.balancer.rules[0], up)]

    assert ready("proxy", "proxy-2", "proxy-3") == [SECOND, "proxy-3-nic"]
    assert ready("proxy", "proxy-2") == ["proxy-3-nic"]


def test_the_balancers_of_an_interface() -> None:
    """A balancer has an interface in a pool where either names the other; its address alone is not enough."""
    found = bare()
    nic = nic_of(found, "proxy")
    by_address = found.laid(balancer(found, Pool(deployed.POOL, addresses=(PoolAddress("m", ADDRESS, VNET),))))
    by_configuration = found.laid(balancer(found, Pool(deployed.POOL, (CONFIGURATION,))))

    assert [each.id.name for each in pool.balancers_of(by_configuration, nic)] == ["aib-lb"]
    assert pool.balancers_of(by_address, nic) == ()


def test_outbound_rules() -> None:
    """An outbound rule serves the interfaces of its pool, whichever side names the other."""
    rule = OutboundRule(deployed.BALANCER.child("outboundRules", "out"), pool=deployed.POOL)
    found, named = bare(), world()
    with_rule = balancer(found, Pool(deployed.POOL, (CONFIGURATION,)), outbound_rules=(rule,))

    assert pool.outbound_rule(with_rule, nic_of(found, "proxy")) == rule
    assert pool.outbound_rule(balancer(named, EMPTY, outbound_rules=(rule,)), nic_of(named, "proxy")) == rule
    assert pool.outbound_rule(with_rule, nic_of(found, "proxy-2")) is None
