"""Paths: what each leg says of a flow, and at which leg and for which reason it ends."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from emulator.model import deployed
from emulator.model.default_world import CONTAINER_SUBNET, NETWORK, SERVICE_SUBNET
from emulator.model.ids import resource_id
from emulator.model.network import SecurityGroup
from emulator.model.world import SYSTEMS, TOPOLOGIES, System, World, build_role
from emulator.rules.condition import Condition, assumed
from emulator.rules.legs import Path
from emulator.rules.path import ChannelPath, client_flow, decide, entry_of, second_leg
from tests.rules.test_security import DENY_IN, DENY_OUT, DENY_VNET, DOCUMENTED_FIRST, OPEN_BUILD, OPEN_PROXY
from tests.worlds import (
    DOCUMENTED,
    healthy,
    rule,
    without,
    world,
)

CLIENT_GROUP = resource_id(NETWORK + "networkSecurityGroups", "client-nsg")


def path_of(
    found: World, system: System = "linux", condition: Condition | None = None, port: int = 40000
) -> ChannelPath:
    """The path of a client's flow, all probes up."""
    condition = condition or (healthy(found) if found.balancer else Condition())
    return decide(client_flow(found, system, port), found, condition, system)


def ending(path: Path) -> str:
    """`load-balancer → proxy: dropped, deny-4096`."""
    leg = path.end()
    return f"{leg.name}: {leg.verdict.outcome.value}, {leg.verdict.reason.name}"


AT_PROXY = "load-balancer → proxy: dropped"
TO_BUILD = "proxy → build-linux"
ARRIVED = f"{TO_BUILD}: carried, AllowVnetInBound"
# azure.md 8.1, once the proxy is up: where the path ends when the group sees the NAT address, and when
# `pls_data_nsg: bypass` keeps it from seeing private-link data at all (then as MicrosoftDocs/azure-docs#84627 saw).
VECTORS = [
    ((), ARRIVED, ARRIVED),
    ((DOCUMENTED,), ARRIVED, ARRIVED),
    ((DENY_IN,), f"{AT_PROXY}, deny-4096", f"{TO_BUILD}: dropped, deny-4096"),
    ((DOCUMENTED, DENY_IN), f"{AT_PROXY}, deny-4096", f"{TO_BUILD}: dropped, deny-4096"),
    ((DOCUMENTED, DENY_IN, DENY_OUT), f"{AT_PROXY}, deny-4096", f"{TO_BUILD}: dropped, deny-4096"),
    (
        (DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD),
        f"{AT_PROXY}, deny-4096",
        f"{TO_BUILD}: carried, allow-410",
    ),
    (
        (DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD, OPEN_PROXY),
        f"{TO_BUILD}: carried, allow-410",
        f"{TO_BUILD}: carried, allow-410",
    ),
    ((DOCUMENTED, DENY_VNET), f"{AT_PROXY}, deny-300", f"{TO_BUILD}: dropped, deny-300"),
    ((DOCUMENTED_FIRST, DENY_VNET), f"{AT_PROXY}, deny-300", f"{TO_BUILD}: dropped, deny-300"),
]


@pytest.mark.parametrize(("rules", "strict", "bypass"), VECTORS)
def test_vectors(rules: tuple[str, ...], strict: str, bypass: str) -> None:
    """Both readings of whether the proxy's group sees private-link data end where the table says."""
    assert ending(path_of(world(*rules))) == strict
    assert ending(path_of(world(*rules, data="bypass"))) == bypass


# azure.md 8.1, last column: whether the build works, the probe counting as well, when the group sees the NAT address
# and when the switch has it bypassed.
WORKS = [
    ((), True, True),
    ((DOCUMENTED,), True, True),
    ((DENY_IN,), False, False),
    ((DOCUMENTED, DENY_IN), False, False),
    ((DOCUMENTED, DENY_IN, DENY_OUT), False, False),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD), False, True),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD, OPEN_PROXY), True, True),
    ((DOCUMENTED, DENY_VNET), False, False),
    ((DOCUMENTED_FIRST, DENY_VNET), False, False),
]


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(("rules", "strict", "bypass"), WORKS)
def test_whether_the_build_works(rules: tuple[str, ...], system: System, *, strict: bool, bypass: bool) -> None:
    """With the probes as the groups let them, a build of either system works where the table says so."""
    seen, unseen = world(*rules), world(*rules, data="bypass")

    assert path_of(seen, system, assumed(seen)).carried is strict
    assert path_of(unseen, system, assumed(unseen)).carried is bypass


@pytest.mark.parametrize(("rules", "down"), [((DENY_IN,), True), ((DOCUMENTED, DENY_IN), False)])
def test_a_probe_that_the_group_stops(rules: tuple[str, ...], *, down: bool) -> None:
    """Where the group stops the probe nothing is sent at all; where it lets it pass, the group stops the data."""
    for data in ("match_nat_ip", "bypass"):
        found = world(*rules, data="bypass" if data == "bypass" else "match_nat_ip")
        end = path_of(found, condition=assumed(found)).end()
        assert (end.verdict.reason.name == "probe-60001") is down


def test_legs() -> None:
    """Each leg has the addresses that Azure gives it: the proxy sees the NAT address, the build VM the proxy's."""
    legs = path_of(world()).legs

    assert [(leg.name, leg.segment, str(leg.flow)) for leg in legs] == [
        ("client → private-endpoint", 1, "10.61.0.4:40000 → 10.61.0.5:60001"),
        ("private-endpoint → load-balancer", 1, "10.60.0.5:40000 → 10.60.0.6:60001"),
        ("load-balancer → proxy", 1, "10.60.0.5:40000 → 10.60.0.7:60001"),
        ("proxy → build-linux", 2, "10.60.0.7:40000 → 10.60.0.8:22"),
    ]


# The path of each topology and system in the default world: the default rules let it arrive.
DEFAULT_PATHS = [
    ("existing-vnet", "linux", "proxy → build-linux: carried, AllowVnetInBound"),
    ("existing-vnet", "windows", "proxy → build-windows: carried, AllowVnetInBound"),
    ("public-ip", "linux", "client → build-linux: carried, AllowSshInbound"),
    ("public-ip", "windows", "client → build-windows: carried, AllowWinRmInbound"),
    ("container-instance", "linux", "client → build-linux: carried, AllowVnetInBound"),
    ("container-instance", "windows", "client → build-windows: carried, AllowVnetInBound"),
]


@pytest.mark.parametrize(("topology", "system", "expected"), DEFAULT_PATHS)
def test_default_paths(topology: str, system: System, expected: str) -> None:
    """Every topology carries every system as it comes."""
    found = world(topology=next(each for each in TOPOLOGIES if each == topology))
    path = path_of(found, system)

    assert (ending(path), path.carried) == (expected, True)
    assert (path.proxy is None) == (topology != "existing-vnet")


def test_the_hash_chooses_among_healthy_proxies() -> None:
    """Two proxies share the flows; when one is down the other takes all, and those it had stay with it."""
    found = world(proxies=2)
    both = {port: path.proxy.hop for port in range(64) if (path := path_of(found, port=port)).proxy}
    one = healthy(found, down=["proxy"])
    left = {port: path.proxy.hop for port in range(64) if (path := path_of(found, condition=one, port=port)).proxy}

    assert set(both.values()) == {"proxy", "proxy-2"}
    assert set(left.values()) == {"proxy-2"}
    assert path_of(found, port=next(port for port in both if both[port] == "proxy-2")).carried


# A stopped service: its machine answers RST (azure.md 3.3), but only if no group dropped the packet before.
STOPPED = [
    ((), "proxy", "load-balancer → proxy: refused, ServiceStopped"),
    ((), "build-linux", "proxy → build-linux: refused, ServiceStopped"),
    ((DENY_IN,), "proxy", "load-balancer → proxy: dropped, deny-4096"),
    ((DENY_OUT,), "build-linux", "proxy → build-linux: dropped, deny-4096"),
    ((), "build-windows", "proxy → build-linux: carried, AllowVnetInBound"),
]


@pytest.mark.parametrize(("rules", "hop", "expected"), STOPPED)
def test_stopped(rules: tuple[str, ...], hop: str, expected: str) -> None:
    """A hop whose service stopped refuses, unless a group is before it."""
    found = world(*rules)

    assert ending(path_of(found, condition=healthy(found, stopped=[hop]))) == expected


# The proxy's port pairs with a system: 60001 is Linux, 60000 Windows; elsewhere nobody listens (azure.md 1.2).
BACKEND_PORTS = [
    (60001, "proxy → build-linux: carried, AllowVnetInBound"),
    (60000, "proxy → build-windows: carried, AllowVnetInBound"),
    (22, "load-balancer → proxy: refused, NoListener"),
]


@pytest.mark.parametrize(("port", "expected"), BACKEND_PORTS)
def test_the_backend_port_decides(port: int, expected: str) -> None:
    """A rule that leads 60001 to another backend port leads to another system, or to a machine's RST."""
    found = world()
    assert found.balancer
    rules = tuple(replace(each, backend_port=port) for each in found.balancer.rules)
    found = found.laid(replace(found.balancer, rules=rules))

    assert ending(path_of(found, "linux")) == expected


@pytest.mark.parametrize(
    ("topology", "expected"),
    [("container-instance", "refused, NoListener"), ("public-ip", "dropped, DenyAllInBound")],
)
def test_another_port_of_the_build_vm(topology: str, expected: str) -> None:
    """WinRM without TLS is not listened to: refused where rules allow it, dropped where they do not."""
    found = world(topology=next(each for each in TOPOLOGIES if each == topology))
    flow = replace(client_flow(found, "windows", 1), destination_port=5985)

    assert ending(decide(flow, found, Condition(), "windows")) == f"client → build-windows: {expected}"


def with_client_group(found: World, *rules: str) -> World:
    """A group at every subnet that a client may stand in."""
    places = (SERVICE_SUBNET, CONTAINER_SUBNET)
    networks = tuple(
        replace(net, subnets=tuple(replace(s, group=CLIENT_GROUP) if s.id in places else s for s in net.subnets))
        for net in found.networks
    )
    group = SecurityGroup(CLIENT_GROUP, tuple(rule(text) for text in rules))
    return replace(found, networks=networks).laid(group)


@pytest.mark.parametrize(
    ("topology", "leg"),
    [("existing-vnet", "client → private-endpoint"), ("container-instance", "client → build-linux")],
)
def test_the_clients_own_subnet(topology: str, leg: str) -> None:
    """Outbound rules of the client's subnet apply; its inbound rules do not."""
    found = world(topology=next(each for each in TOPOLOGIES if each == topology))

    assert path_of(with_client_group(found, DENY_IN)).carried
    assert ending(path_of(with_client_group(found, "150 deny out * -> *"))) == f"{leg}: dropped, deny-150"


def test_the_clients_own_interface() -> None:
    """A client beside the build VM that is a machine is judged by its interface's group too."""
    found = world(topology="container-instance")
    group = SecurityGroup(CLIENT_GROUP, (rule("150 deny out * -> *:22"),))
    found = found.laid(group, deployed.interface("client", found.client, CONTAINER_SUBNET, group=group.id))

    assert ending(path_of(found)) == "client → build-linux: dropped, deny-150"
    assert path_of(found, "windows").carried


def test_a_public_client_has_no_subnet() -> None:
    """A client on the Internet is judged at the build VM's interface alone, by the address translated inward."""
    found = world(topology="public-ip")
    leg = path_of(found).end()
    stranger = client_flow(found, "linux", 1, IPv4Address("192.0.2.1"))

    assert str(leg.flow) == "198.51.100.4:40000 → 10.60.0.8:22"
    assert ending(decide(stranger, found, Condition(), "linux")) == "client → build-linux: dropped, DenyAllInBound"


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_absent_build_vm(system: System) -> None:
    """A world without a build VM of the system says so instead of inventing one."""
    for topology in TOPOLOGIES:
        found = world(topology=topology)
        condition = healthy(found) if found.balancer else Condition()
        flow = client_flow(found, system, 1)
        found = without(found, build_role(system))

        with pytest.raises(LookupError, match=build_role(system)):
            entry_of(found, system)
        with pytest.raises(LookupError, match=build_role(system)):
            decide(flow, found, condition, system)


def test_a_world_without_private_link() -> None:
    """`existing-vnet` without an endpoint, service or balancer is a mistake of the world, named as such."""
    for lacking in (
        replace(world(), endpoints=()),
        replace(world(), services=()),
        replace(world(), balancers=()),
    ):
        with pytest.raises(LookupError, match="no private endpoint"):
            entry_of(lacking, "linux")


def test_end_of_a_segment() -> None:
    """The first segment ends at the proxy, the whole path at the build VM."""
    path = path_of(world(DENY_OUT))

    assert (path.end(1).name, path.end(1).verdict.carried) == ("load-balancer → proxy", True)
    assert (path.end().name, path.end(2)) == ("proxy → build-linux", path.end())
    assert not path.carried


def test_second_leg_keeps_the_source_port() -> None:
    """The proxy's own connection is judged with the port that the flow has."""
    found = world("200 deny out *:40000 -> *")

    assert not second_leg(found, Condition(), "linux", found.proxies[0], 40000).verdict.carried
    assert second_leg(found, Condition(), "linux", found.proxies[0], 40001).verdict.carried


def test_another_nat_address_that_is_denied() -> None:
    """Which of several NAT addresses a connection gets nobody documents: one that is denied stops the path."""
    found = world("150 deny in 10.60.0.50 -> *", "160 allow in * -> *")
    assert found.service
    second = replace(found.service.nat[0], name="second", address=IPv4Address("10.60.0.50"), primary=False)
    two = found.laid(replace(found.service, nat=(*found.service.nat, second)))

    assert path_of(found).carried
    assert ending(path_of(two)) == "load-balancer → proxy: dropped, deny-150"
    assert "10.60.0.50" in path_of(two).end().verdict.sentence
    assert path_of(world(data="bypass").laid(*two.services, *two.groups)).carried


def test_where_a_path_ends() -> None:
    """A rule may lead the port of one system to that of the other: the path knows where it arrives."""
    found = world()
    assert found.balancer
    crossed = tuple(replace(each, backend_port=60000) for each in found.balancer.rules)
    ends = path_of(found.laid(replace(found.balancer, rules=crossed))).reached

    assert ends == found.member("build-windows")
    assert path_of(found).reached == found.member("build-linux")
    assert path_of(world(DENY_IN)).reached is None
    assert path_of(world(topology="public-ip")).reached == found.member("build-linux")
