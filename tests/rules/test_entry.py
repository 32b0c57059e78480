"""Postures of listeners: they say beforehand what the path decides for each source."""

import itertools
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.model import deployed
from emulator.model.balancer import AdminState, PoolAddress
from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, SERVICE_SUBNET
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import AdminRule, EndpointPolicy, SecurityGroup
from emulator.model.ports import PortRange
from emulator.model.privatelink import ConnectionState
from emulator.model.world import PROXY_PORTS, SYSTEMS, TOPOLOGIES, System, Topology, World
from emulator.rules.condition import Condition
from emulator.rules.entry import ANSWERS, OUTSIDER, entry_posture, port_classes, proxy_posture
from emulator.rules.path import client_flow, decide
from emulator.rules.posture import Answer, SourceClass, Spread
from emulator.rules.security import at_interface
from tests.rules.test_security import admin
from tests.worlds import groups, healthy, nsg, rule, with_routes, with_state, with_subnet, world

SOURCES = {
    "127.60.0.1": IPv4Address("10.61.0.4"),
    "127.60.0.2": IPv4Address("10.60.0.5"),
    "127.60.0.3": IPv4Address("168.63.129.16"),
    "127.60.0.4": IPv4Address("10.61.0.77"),
}
STRANGER = "127.0.0.1"
EDGES = (0, 1, 21, 22, 23, 1023, 1024, 59999, 60000, 60001, 65535)
proxy_hops = st.sets(st.sampled_from(["proxy", "proxy-2", "proxy-3", "build-linux"]))


def edges(group: SecurityGroup) -> set[int]:
    """Source ports at, before and after every border of a group's rules."""
    ranges = [ports for each in group.rules for ports in each.source_ports]
    near = {port + step for ports in ranges for port in (ports.first, ports.last) for step in (-1, 0, 1)}
    return {port for port in near if 0 <= port <= 65535} | set(EDGES)


@settings(max_examples=60, deadline=None)
@given(
    group=groups(),
    topology=st.sampled_from(TOPOLOGIES),
    system=st.sampled_from(SYSTEMS),
    proxies=st.integers(1, 3),
    distribution=st.sampled_from(["Default", "SourceIP", "SourceIPProtocol"]),
    data=st.sampled_from(["match_nat_ip", "bypass"]),
    stopped=proxy_hops,
    down=proxy_hops,
    state=st.sampled_from(["Approved", "Approved", "Approved", "Pending"]),
)
def test_the_posture_is_the_path_foretold(
    *,
    group: SecurityGroup,
    topology: Topology,
    system: System,
    proxies: int,
    distribution: Literal["Default", "SourceIP", "SourceIPProtocol"],
    data: Literal["match_nat_ip", "bypass"],
    stopped: set[str],
    down: set[str],
    state: ConnectionState,
) -> None:
    """For every source address and port the entry answers as the first segment of its path ends.

    Where the client is refused somewhere, the client's answers are everybody's: a listener cannot refuse one source
    and drop another.
    """
    several = proxies if topology == "existing-vnet" else 1
    found = world(*group.rules, topology=topology, data=data, proxies=several, distribution=distribution)
    if found.endpoint:
        found = with_state(found, state)
    condition = (
        healthy(found, stopped=stopped, down=down) if found.balancer else Condition(stopped=frozenset(stopped))
    )

    posture = entry_posture(found, condition, system, SOURCES)

    refuses = any(source.answer is Answer.REFUSE for source in posture.classes if source.address is None)
    for transport in (*SOURCES, STRANGER):
        if refuses and SOURCES.get(transport, found.client) != found.client:
            continue
        for port in edges(group):
            flow = client_flow(found, system, port, SOURCES.get(transport))
            outcome = decide(flow, found, condition, system).end(1).verdict.outcome
            assert posture.answer(transport, port) is ANSWERS[outcome], (transport, port)


ENDS = ("*", "VirtualNetwork", "AzureLoadBalancer", "10.60.0.0/24", "10.60.0.5", "10.60.0.7", "10.61.0.4")
PORTS = ("", ":1000-2000", ":60001", ":60000-60001")
HOPS = ("None", "VnetLocal", "Internet", "VirtualAppliance 10.60.0.99")
PREFIXES = ("0.0.0.0/0", "10.60.0.0/24", "10.60.0.5/32", "10.60.0.7/32", "10.61.0.0/24", "10.61.0.5/32")
routes = st.lists(st.builds("{} -> {}".format, st.sampled_from(PREFIXES), st.sampled_from(HOPS)), max_size=2)


def texts(first: int, *words: str) -> st.SearchStrategy[list[str]]:
    """A few rules, numbered from `first` on."""
    end = st.builds("{}{}".format, st.sampled_from(ENDS), st.sampled_from(PORTS))
    text = st.builds("{} {} {} -> {}".format, st.sampled_from(words), st.sampled_from(["in", "out"]), end, end)
    return st.lists(text, max_size=3).map(lambda found: [f"{first + n} {each}" for n, each in enumerate(found)])


@settings(max_examples=60, deadline=None)
@given(
    rules=texts(100, "allow", "deny"),
    admin_rules=texts(1, "allow", "deny", "alwaysallow"),
    routed=st.tuples(routes, routes),
    states=st.lists(st.sampled_from(["None", "Up", "Down"]), max_size=3),
    policy=st.sampled_from(["Disabled", "Enabled"]),
    down=proxy_hops,
)
def test_the_posture_foretells_everything_on_the_path(
    *,
    rules: list[str],
    admin_rules: list[str],
    routed: tuple[list[str], list[str]],
    states: list[AdminState],
    policy: EndpointPolicy,
    down: set[str],
) -> None:
    """Admin rules, routes on either side, the operator's word and the endpoint's policy are foretold, too."""
    found = admin(world(*rules, proxies=3), *admin_rules)
    found = with_subnet(found, SERVICE_SUBNET, private_endpoint_policies=policy, group=BUILD_GROUP)
    for subnet, own in zip((BUILD_SUBNET, SERVICE_SUBNET), routed, strict=True):
        found = with_routes(found, *own, subnet=subnet)
    assert found.balancer
    said = tuple(
        PoolAddress(each.hop, admin_state=state, configuration=each.interface.child("ipConfigurations", "ipconfig"))
        for each, state in zip(found.proxies, states, strict=False)
    )
    found = found.laid(
        replace(found.balancer, pools=tuple(replace(each, addresses=said) for each in found.balancer.pools))
    )
    condition = healthy(found, down=down)

    posture = entry_posture(found, condition, "linux", SOURCES)

    for transport, port in itertools.product((*SOURCES, STRANGER), (*EDGES, 999, 1000, 2000, 2001)):
        flow = client_flow(found, "linux", port, SOURCES.get(transport))
        outcome = decide(flow, found, condition, "linux").end(1).verdict.outcome
        assert posture.answer(transport, port) is ANSWERS[outcome], (transport, port)


def test_admin_rules_tell_ports_apart() -> None:
    """A security admin rule for some source ports is in the posture of the entry, and of the proxy."""
    identity = ResourceId("/subscriptions/s/providers/Microsoft.Network/networkManagers/m/rules/r")
    ports = (PortRange(1000, 1999),)
    found = world().laid(AdminRule(identity, 1, "Inbound", "Deny", source_ports=ports))
    condition = healthy(found)

    entry = entry_posture(found, condition, "linux", SOURCES)
    proxy = proxy_posture(found, condition, found.proxies[0], 60001, {"127.60.0.5": IPv4Address("10.60.0.8")})

    assert [entry.answer("127.60.0.1", port) for port in (999, 1000, 1999, 2000)] == [
        Answer.OPEN,
        Answer.DROP,
        Answer.DROP,
        Answer.OPEN,
    ]
    assert [proxy.answer("127.60.0.5", port) for port in (999, 1000)] == [Answer.OPEN, Answer.DROP]


def test_the_group_of_the_clients_interface_tells_ports_apart() -> None:
    """A rule on source ports of a group at the client's own interface is a border of the posture."""
    group = SecurityGroup(
        BUILD_GROUP.parent.child("networkSecurityGroups", "client"), (rule("200 deny out *:7 -> *"),)
    )
    found = world().laid(group, deployed.interface("client", world().client, SERVICE_SUBNET, group=group.id))
    posture = entry_posture(found, healthy(found), "linux", SOURCES)

    assert [posture.answer(STRANGER, port) for port in (6, 7, 8)] == [Answer.OPEN, Answer.DROP, Answer.OPEN]


def test_one_answer_is_one_class() -> None:
    """Where nothing tells sources apart the last class speaks for all of them, on every port."""
    found = world("100 deny in 10.9.9.9:5,7,100-200 -> *")

    assert entry_posture(found, healthy(found), "linux", {}).classes == (SourceClass(None, (0, 65535), Answer.OPEN),)


def test_a_refused_client_refuses_everybody() -> None:
    """A socket that does not listen refuses every source, also those that the path would drop."""
    found = world()

    assert entry_posture(found, healthy(found, stopped=["proxy"]), "linux", SOURCES).possible() == {Answer.REFUSE}


def test_proxies_that_differ() -> None:
    """With one proxy open and one refusing, the answer depends on the hash of the source port."""
    found = world(proxies=2)

    (one,) = entry_posture(found, healthy(found, stopped=["proxy-2"]), "linux", {}).classes

    assert isinstance(one.answer, Spread)
    assert one.answer.by_port
    assert {one.answer.answer(port) for port in range(64)} == {Answer.OPEN, Answer.REFUSE}


def test_an_endpoint_not_approved_hides_what_proxies_say() -> None:
    """Nothing passes a pending endpoint, so differing proxies make no difference."""
    found = with_state(world(proxies=2), "Pending")

    posture = entry_posture(found, healthy(found, stopped=["proxy-2"]), "linux", {})

    assert posture.possible() == {Answer.DROP}


def test_a_port_without_a_rule_drops() -> None:
    """A balancer that lost its rule for the port is silent."""
    found = world()
    assert found.balancer
    found = found.laid(replace(found.balancer, rules=()))

    assert entry_posture(found, healthy(found), "linux", SOURCES).possible() == {Answer.DROP}


# Ranges of source ports that no rule tells apart: borders at each first port, and after each last.
CLASSES = [
    ((), [(0, 65535)]),
    (("100 deny in *:22 -> *",), [(0, 21), (22, 22), (23, 65535)]),
    (("100 deny in *:0-99 -> *",), [(0, 99), (100, 65535)]),
    (("100 deny in *:100-65535 -> *",), [(0, 99), (100, 65535)]),
    (("100 deny in *:10-20 -> *", "101 deny in *:15-30 -> *"), [(0, 9), (10, 14), (15, 20), (21, 30), (31, 65535)]),
]


@pytest.mark.parametrize(("rules", "expected"), CLASSES)
def test_port_classes(rules: tuple[str, ...], expected: list[tuple[int, int]]) -> None:
    """Borders stand where some rule's range begins or has ended."""
    assert port_classes([nsg(*rules)]) == expected


@given(group=groups())
def test_port_classes_cover(group: SecurityGroup) -> None:
    """The classes follow one another from 0 to 65535, and no rule's range cuts through one."""
    found = port_classes([group])

    assert (found[0][0], found[-1][1]) == (0, 65535)
    assert all(after == before + 1 for (_, before), (after, _) in itertools.pairwise(found))
    ranges: list[PortRange] = [ports for each in group.rules for ports in each.source_ports]
    assert all((first in ports) == (last in ports) for first, last in found for ports in ranges)


def at_proxy(found: World, *stopped: str) -> dict[str, Answer]:
    """What each source meets at the proxy's own listener."""
    posture = proxy_posture(found, healthy(found, stopped=stopped), found.proxies[0], PROXY_PORTS["linux"], SOURCES)
    return {str(SOURCES.get(each, OUTSIDER)): posture.answer(each, 50000) for each in (*SOURCES, STRANGER)}


# At the proxy: the NAT address and the probe by the rules; a process that is no hop is nobody in the network.
AT_PROXY = [
    ((), "match_nat_ip", Answer.OPEN, Answer.OPEN),
    (("200 deny in AzureLoadBalancer -> *",), "match_nat_ip", Answer.OPEN, Answer.DROP),
    (("200 deny in 10.60.0.5 -> *",), "match_nat_ip", Answer.DROP, Answer.OPEN),
    (("200 deny in 10.60.0.5 -> *",), "bypass", Answer.OPEN, Answer.OPEN),
    (("200 deny in * -> *",), "bypass", Answer.OPEN, Answer.DROP),
]


@pytest.mark.parametrize(("rules", "data", "nat", "probe"), AT_PROXY)
def test_at_the_proxy(
    rules: tuple[str, ...], data: Literal["match_nat_ip", "bypass"], nat: Answer, probe: Answer
) -> None:
    """Each source meets what the groups say of the address it stands for."""
    answers = at_proxy(world(*rules, data=data))

    assert (answers["10.60.0.5"], answers["168.63.129.16"], answers[str(OUTSIDER)]) == (nat, probe, Answer.DROP)


def test_a_stopped_proxy_refuses_all() -> None:
    """Where no service listens everybody is refused."""
    assert set(at_proxy(world(), "proxy").values()) == {Answer.REFUSE}


@given(group=groups(), port=st.integers(0, 65535))
@settings(deadline=None)
def test_the_proxy_lets_pass_what_the_entry_let_pass(group: SecurityGroup, port: int) -> None:
    """What the entry carries is never dropped at the proxy for the port of the transport between them."""
    found = world(*group.rules)
    proxy = found.proxies[0]
    flow = Flow(SOURCES["127.60.0.2"], port, found.interface_of(proxy).address, 60001)
    posture = proxy_posture(found, healthy(found), proxy, 60001, SOURCES)

    if at_interface(found, found.interface_of(proxy), "Inbound", flow).carried:
        assert all(posture.answer("127.60.0.2", transport) is Answer.OPEN for transport in EDGES)
