"""Security groups: which rule decides, at one interface and between two machines."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, SERVICE_SUBNET
from emulator.model.flow import Flow, Protocol
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import AdminRule, Direction, IpConfiguration, SecurityGroup, SecurityRule
from emulator.model.world import BUILD_PORTS, PROXY_PORTS, SYSTEMS, System, World, build_role
from emulator.rules import security
from emulator.rules.matching import Classifier
from emulator.rules.security import DEFAULT_RULES, evaluate, first_match
from emulator.rules.tags import Tags
from tests.worlds import DOCUMENTED, groups, nic_of, nsg, rule, with_subnet, world

VNET = Tags((IPv4Network("10.60.0.0/16"),))
PROBE, NAT, PROXY, BUILD = (IPv4Address(text) for text in ("168.63.129.16", "10.60.0.5", "10.60.0.7", "10.60.0.8"))
SOMEWHERE = tuple(IPv4Address(text) for text in ("8.8.8.8", "192.168.1.1", "10.60.1.4", "10.61.0.4", "1.2.3.4"))
DENY_IN, DENY_OUT = "4096 deny in * -> *", "4096 deny out * -> *"
OPEN_BUILD = (
    "410 allow in VirtualNetwork -> VirtualNetwork:22,5986 Tcp",
    "410 allow out VirtualNetwork -> VirtualNetwork:22,5986 Tcp",
)
OPEN_PROXY = "420 allow in VirtualNetwork -> VirtualNetwork:60000-60001 Tcp"
DENY_VNET = "300 deny in VirtualNetwork -> *"
DOCUMENTED_FIRST = DOCUMENTED.replace("400", "200")

addresses = st.one_of(
    st.sampled_from([PROBE, NAT, PROXY, BUILD, IPv4Address("8.8.8.8"), IPv4Address("192.168.1.1")]),
    st.ip_addresses(v=4),
)
ports = st.integers(0, 65535)
flows = st.builds(Flow, addresses, ports, addresses, ports, st.sampled_from(Protocol))


def decided(found: World, machine: str, direction: Direction, flow: Flow) -> str:
    """`Allow 400`: what the build subnet's group says at a machine."""
    group = next(security.groups_at(found, nic_of(found, machine), direction))
    chosen = first_match(group, direction, flow, VNET)
    return f"{chosen.access} {chosen.priority}"


# azure.md 8.1, strictly read: the first match by priority decides, defaults last, in both directions.
# Rules · probe → proxy · NAT address → proxy · proxy → build VM, outbound · the same, inbound
VECTORS = [
    ((), "Allow 65000", "Allow 65000", "Allow 65000", "Allow 65000"),
    ((DOCUMENTED,), "Allow 400", "Allow 65000", "Allow 65000", "Allow 65000"),
    ((DENY_IN,), "Deny 4096", "Deny 4096", "Allow 65000", "Deny 4096"),
    ((DOCUMENTED, DENY_IN), "Allow 400", "Deny 4096", "Allow 65000", "Deny 4096"),
    ((DOCUMENTED, DENY_IN, DENY_OUT), "Allow 400", "Deny 4096", "Deny 4096", "Deny 4096"),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD), "Allow 400", "Deny 4096", "Allow 410", "Allow 410"),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD, OPEN_PROXY), "Allow 400", "Allow 420", "Allow 410", "Allow 410"),
    ((DOCUMENTED, DENY_VNET), "Deny 300", "Deny 300", "Allow 65000", "Deny 300"),
    ((DOCUMENTED_FIRST, DENY_VNET), "Allow 200", "Deny 300", "Allow 65000", "Deny 300"),
]


@pytest.mark.parametrize(("rules", "expected"), [(row[0], row[1:]) for row in VECTORS])
@pytest.mark.parametrize("system", SYSTEMS)
def test_vectors(rules: tuple[str, ...], expected: tuple[str, ...], system: System) -> None:
    """Each leg of the channel is decided by the rule that Azure's order gives, for both systems."""
    found, build = world(*rules), build_role(system)
    target = nic_of(found, build).address
    second = Flow(PROXY, 50000, target, BUILD_PORTS[system])

    verdicts = (
        decided(found, "proxy", "Inbound", Flow(PROBE, 50000, PROXY, PROXY_PORTS[system])),
        decided(found, "proxy", "Inbound", Flow(NAT, 50000, PROXY, PROXY_PORTS[system])),
        decided(found, "proxy", "Outbound", second),
        decided(found, build, "Inbound", second),
    )
    assert verdicts == expected


# Default rules (azure.md 2.2): the virtual network speaks with itself, probes come in, the Internet may be dialled.
DEFAULTS = [
    ("Inbound", "10.60.9.9", "10.60.0.7", "AllowVnetInBound"),
    ("Inbound", "168.63.129.16", "10.60.0.7", "AllowVnetInBound"),
    ("Inbound", "168.63.129.16", "192.168.0.1", "AllowAzureLoadBalancerInBound"),
    ("Inbound", "8.8.8.8", "10.60.0.7", "DenyAllInBound"),
    ("Outbound", "10.60.0.7", "10.60.0.8", "AllowVnetOutBound"),
    ("Outbound", "10.60.0.7", "8.8.8.8", "AllowInternetOutBound"),
    ("Outbound", "10.60.0.7", "192.168.0.1", "DenyAllOutBound"),
]


@pytest.mark.parametrize(("direction", "source", "destination", "name"), DEFAULTS)
def test_defaults(direction: Direction, source: str, destination: str, name: str) -> None:
    """An empty group decides by Azure's default rules."""
    flow = Flow(IPv4Address(source), 1, IPv4Address(destination), 2)

    assert first_match(nsg(), direction, flow, VNET).name == name


# Prefixes (azure.md 2.3): what each contains.
CONTAINS = [
    ("*", "8.8.8.8", True),
    ("Any", "8.8.8.8", True),
    ("0.0.0.0/0", "8.8.8.8", True),
    ("VirtualNetwork", "10.60.255.255", True),
    ("virtualnetwork", "168.63.129.16", True),
    ("VirtualNetwork", "10.61.0.1", False),
    ("AzureLoadBalancer", "168.63.129.16", True),
    ("AzureLoadBalancer", "10.60.0.6", False),
    ("Internet", "198.51.100.4", True),
    ("Internet", "10.61.0.1", False),
    ("Internet", "10.60.0.1", False),
    ("Internet", "168.63.129.16", False),
    ("10.60.0.5", "10.60.0.5", True),
    ("10.60.0.5", "10.60.0.6", False),
    ("10.60.0.9/24", "10.60.0.200", True),
]


@pytest.mark.parametrize(("prefix", "address", "within"), CONTAINS)
def test_prefixes(prefix: str, address: str, *, within: bool) -> None:
    """A prefix contains what Azure says it does, tags without regard to case."""
    assert VNET.contains(prefix, IPv4Address(address)) is within


# One field at a time: a rule matches only if its protocol, both addresses and both ports match.
ONE_RULE = "100 deny in 10.60.0.5:1000-2000 -> 10.60.0.7:22 Tcp"
FIELDS = [
    (Flow(NAT, 1000, PROXY, 22), True),
    (Flow(NAT, 2000, PROXY, 22), True),
    (Flow(NAT, 2001, PROXY, 22), False),
    (Flow(NAT, 1000, PROXY, 23), False),
    (Flow(BUILD, 1000, PROXY, 22), False),
    (Flow(NAT, 1000, BUILD, 22), False),
    (Flow(NAT, 1000, PROXY, 22, Protocol.UDP), False),
]


@pytest.mark.parametrize(("flow", "expected"), FIELDS)
def test_fields(flow: Flow, *, expected: bool) -> None:
    """A rule matches when all of its fields do."""
    assert (first_match(nsg(ONE_RULE), "Inbound", flow, VNET) == rule(ONE_RULE)) is expected


def speaks(each: SecurityRule, flow: Flow) -> bool:
    """Whether a rule matches a flow, field by field, as one would write it down."""
    return (
        each.protocol in ("*", flow.protocol.name.capitalize())
        and any(flow.destination_port in ports for ports in each.destination_ports)
        and any(flow.source_port in ports for ports in each.source_ports)
        and any(VNET.contains(prefix, flow.source) for prefix in each.source_prefixes)
        and any(VNET.contains(prefix, flow.destination) for prefix in each.destination_prefixes)
    )


def near(group: SecurityGroup, chance: Random) -> Flow:
    """A flow between addresses that rules speak about, on ports at, before or after a border of some rule's range."""
    ranges = [each for rule in group.rules for each in (*rule.source_ports, *rule.destination_ports)]
    borders = [edge + step for each in ranges for edge in (each.first, each.last) for step in (-1, 0, 1)]
    choices = [port for port in borders if 0 <= port <= 65535] + [chance.randrange(65536)]
    source, destination = chance.choices([PROBE, NAT, PROXY, BUILD, *SOMEWHERE], k=2)
    ours, theirs = chance.choices(choices, k=2)
    return Flow(source, ours, destination, theirs, chance.choice(list(Protocol)))


def naive(group: SecurityGroup, direction: Direction, flow: Flow) -> SecurityRule:
    """The same decision without an order: of all rules that match, the one of the lowest number."""
    every = [each for each in (*group.rules, *DEFAULT_RULES) if each.direction == direction]
    return min((each for each in every if speaks(each, flow)), key=lambda each: each.priority)


@settings(max_examples=100, deadline=None)
@given(group=groups(), direction=st.sampled_from(["Inbound", "Outbound"]), chance=st.randoms(use_true_random=False))
def test_first_match_wins(group: SecurityGroup, direction: Direction, chance: Random) -> None:
    """In 10,000 cases: whatever the rules and their order, the lowest priority that matches decides."""
    backwards = SecurityGroup(group.id, group.rules[::-1])
    ready = [Classifier(security.ordered(each, direction), VNET) for each in (group, backwards)]
    for _ in range(100):
        flow = near(group, chance)
        assert [each.first(flow) for each in ready] == [naive(group, direction, flow)] * 2


@given(group=groups(), direction=st.sampled_from(["Inbound", "Outbound"]), flow=flows)
def test_verdict_has_its_rule(group: SecurityGroup, direction: Direction, flow: Flow) -> None:
    """A verdict names the group, the rule and its priority, in its reason and its sentence."""
    chosen, verdict = first_match(group, direction, flow, VNET), evaluate(group, direction, flow, VNET)

    assert verdict.carried == (chosen.access == "Allow")
    assert (verdict.reason.kind, verdict.reason.id, verdict.reason.name) == ("rule", group.id.text, chosen.name)
    assert f"rule {chosen.name} (priority {chosen.priority}) of security group {group.id.name}" in str(verdict)


def on_interface(found: World, text: str) -> World:
    """The proxy's interface gets a group of its own, with one rule."""
    own = SecurityGroup(resource_id("Microsoft.Network/networkSecurityGroups", "nic-nsg"), (rule(text),))
    changed = tuple(replace(each, group=own.id) if each.address == PROXY else each for each in found.interfaces)
    return replace(found, interfaces=changed).laid(own)


# Subnet and interface must both allow (azure.md 2.4); the one that denies is named, else the last that allowed.
BOTH = [
    ("150 allow in * -> *", "150 allow in * -> *", True, "nic-nsg"),
    ("150 allow in * -> *", "150 deny in * -> *", False, "nic-nsg"),
    ("150 deny in * -> *", "150 allow in * -> *", False, "build-nsg"),
    ("150 deny in * -> *", "150 deny in * -> *", False, "build-nsg"),
    ("150 allow out * -> *", "150 allow out * -> *", True, "build-nsg"),
    ("150 allow out * -> *", "150 deny out * -> *", False, "nic-nsg"),
    ("150 deny out * -> *", "150 allow out * -> *", False, "build-nsg"),
    ("150 deny out * -> *", "150 deny out * -> *", False, "nic-nsg"),
]


@pytest.mark.parametrize(("subnet", "interface", "carried", "blamed"), BOTH)
def test_subnet_and_interface(subnet: str, interface: str, *, carried: bool, blamed: str) -> None:
    """Inbound the subnet's group speaks first, outbound the interface's; both must allow."""
    found = on_interface(world(subnet), interface)
    direction: Direction = "Inbound" if " in " in subnet else "Outbound"
    flow = Flow(NAT, 1, PROXY, 2) if direction == "Inbound" else Flow(PROXY, 1, BUILD, 2)

    verdict = security.at_interface(found, found.interfaces[0], direction, flow)

    assert (verdict.carried, verdict.reason.id.rpartition("/")[2]) == (carried, blamed)


def test_rules_without_the_default_ones() -> None:
    """A list of rules that does not end with Azure's own is a mistake of ours."""
    with pytest.raises(AssertionError, match="which match everything"):
        security.verdict_of(nsg(), Classifier((rule(ONE_RULE),), VNET), "Inbound", Flow(BUILD, 1, PROXY, 22))


def test_no_group() -> None:
    """Where neither the subnet nor the interface has a group, everything is carried, and the verdict says why."""
    found = world(topology="public-ip")
    bare = replace(found.interfaces[0], group=None)
    verdict = security.at_interface(found, bare, "Inbound", Flow(IPv4Address("8.8.8.8"), 1, bare.address, 22))

    assert (verdict.carried, verdict.reason.name) == (True, "NoSecurityGroup")
    assert "meets no security group" in str(verdict)


# Two machines of one subnet: outbound at the source and inbound at the destination (azure.md 2.4).
BETWEEN = [
    ((), None),
    (("200 deny in * -> *:22",), "deny-200"),
    (("200 deny out * -> *:22",), "deny-200"),
    (("200 deny in * -> *:22", "201 deny out * -> *:22"), "deny-201"),
]


@pytest.mark.parametrize(("rules", "blamed"), BETWEEN)
def test_between(rules: tuple[str, ...], blamed: str | None) -> None:
    """A flow within one subnet is judged at both ends, the source first."""
    found = world(*rules)

    verdict = security.between(found, found.interfaces[0], found.interfaces[1], Flow(PROXY, 1, BUILD, 22))

    assert verdict.carried == (blamed is None)
    assert verdict.reason.name == (blamed or "AllowVnetInBound")


MANAGER = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkManagers/m"


def admin(found: World, *texts: str) -> World:
    """The world under security admin rules; their access may be `allow`, `deny` or `alwaysallow`."""
    rules = []
    for text in texts:
        always = " alwaysallow " in text
        each = rule(text.replace(" alwaysallow ", " allow "))
        rules.append(
            AdminRule(
                ResourceId(f"{MANAGER}/rules/{each.name}"),
                each.priority,
                each.direction,
                "AlwaysAllow" if always else each.access,
                each.protocol,
                each.source_prefixes,
                each.source_ports,
                each.destination_prefixes,
                each.destination_ports,
            )
        )
    return found.laid(*rules)


# Security admin rules, rules of the group, whether the flow to the proxy is carried, and who decided (azure.md 2.4).
ADMIN: list[tuple[tuple[str, ...], tuple[str, ...], bool, str]] = [
    (("1 deny in * -> *",), ("100 allow in * -> *",), False, "deny-1"),
    (("1 alwaysallow in * -> *",), ("100 deny in * -> *",), True, "allow-1"),
    (("1 allow in * -> *",), ("100 deny in * -> *",), False, "deny-100"),
    (("1 allow in * -> *",), (), True, "AllowVnetInBound"),
    (("1 allow in * -> *", "2 deny in * -> *"), (), True, "AllowVnetInBound"),
    (("2 allow in * -> *", "1 deny in * -> *"), (), False, "deny-1"),
    (("1 deny out * -> *",), (), True, "AllowVnetInBound"),
    (("1 deny in 10.60.0.9 -> *",), (), True, "AllowVnetInBound"),
    (("1 deny in VirtualNetwork -> *:60001 Tcp",), (), False, "deny-1"),
    (("1 deny in VirtualNetwork -> *:60001 Udp",), (), True, "AllowVnetInBound"),
]


@pytest.mark.parametrize(("admin_rules", "rules", "carried", "name"), ADMIN)
def test_admin_rules(admin_rules: tuple[str, ...], rules: tuple[str, ...], name: str, *, carried: bool) -> None:
    """An admin rule that allows leaves it to the groups; one that always allows, or denies, ends it."""
    found = admin(world(*rules), *admin_rules)
    verdict = security.at_interface(found, nic_of(found, "proxy"), "Inbound", Flow(NAT, 1, PROXY, 60001))

    assert (verdict.carried, verdict.reason.name) == (carried, name)
    assert verdict.reason.id.startswith(MANAGER) == ("security admin rule" in str(verdict))


def test_admin_rules_at_a_subnet() -> None:
    """Admin rules speak at a subnet as at an interface; where neither they nor a group do there is no word."""
    found = world()
    flow = Flow(PROXY, 1, BUILD, 22)
    denied = security.at_subnet(admin(found, "1 deny out * -> *"), BUILD_SUBNET, "Outbound", flow)
    by_group = security.at_subnet(admin(found, "1 allow out * -> *"), BUILD_SUBNET, "Outbound", flow)

    assert denied
    assert by_group
    assert (denied.reason.name, by_group.reason.name) == ("deny-1", "AllowVnetOutBound")
    assert security.at_subnet(found, SERVICE_SUBNET, "Outbound", flow) is None


HOST, METADATA = PROBE, IPv4Address("169.254.169.254")
# The platform's own services (azure.md 2.3): rules, direction, the other end, and who decides.
PLATFORM: list[tuple[str, Direction, IPv4Address, str]] = [
    ("150 deny out * -> *", "Outbound", HOST, "PlatformService"),
    ("150 deny out * -> *", "Outbound", METADATA, "PlatformService"),
    ("150 deny out * -> *", "Outbound", BUILD, "deny-150"),
    ("150 deny out * -> AzurePlatformDNS", "Outbound", HOST, "deny-150"),
    ("150 deny out * -> azureplatformimds", "Outbound", METADATA, "deny-150"),
    ("150 deny out * -> AzurePlatformLKM", "Outbound", HOST, "PlatformService"),
    ("150 deny out * -> AzurePlatformIMDS", "Outbound", HOST, "PlatformService"),
    ("150 deny out * -> AzurePlatformDNS", "Outbound", METADATA, "PlatformService"),
    ("150 allow out * -> AzurePlatformDNS", "Outbound", HOST, "PlatformService"),
    ("150 deny in * -> *", "Inbound", HOST, "deny-150"),
]


def test_licensing_has_a_tag_of_its_own() -> None:
    """A denial of licensing stops its port at the host, and no other of the host's services."""
    found = world("4000 deny out * -> AzurePlatformLKM")
    flows = [Flow(PROXY, 1, HOST, port) for port in (1688, 80)]
    said = [security.at_interface(found, nic_of(found, "proxy"), "Outbound", each) for each in flows]

    assert [each.reason.name for each in said] == ["deny-4000", "PlatformService"]


@pytest.mark.parametrize(("text", "direction", "other", "name"), PLATFORM)
def test_platform_services(text: str, direction: Direction, other: IPv4Address, name: str) -> None:
    """Flows to the host's services pass the groups unless a rule names their tags; probes from there do not."""
    found = world(text)
    flow = Flow(PROXY, 1, other, 53) if direction == "Outbound" else Flow(other, 1, PROXY, 53)

    assert security.at_interface(found, nic_of(found, "proxy"), direction, flow).reason.name == name


ASG = resource_id("Microsoft.Network/applicationSecurityGroups", "proxies")


@pytest.mark.parametrize(("hop", "carried"), [("proxy", False), ("build-linux", True)])
def test_application_groups(hop: str, *, carried: bool) -> None:
    """A rule for an application security group is for the interfaces that name it."""
    deny = replace(rule("150 deny in * -> *"), destination_prefixes=(), destination_groups=(ASG,))
    found = world(deny)
    nic = nic_of(found, "proxy")
    found = found.laid(replace(nic, configurations=tuple(replace(c, groups=(ASG,)) for c in nic.configurations)))
    target = nic_of(found, hop)

    verdict = security.at_interface(found, target, "Inbound", Flow(NAT, 1, target.address, 22))

    assert verdict.carried is carried


def test_the_subnet_of_an_address() -> None:
    """An interface may have addresses in several subnets: the one that is spoken to counts, else the primary's."""
    found = with_subnet(world("150 deny in * -> *"), SERVICE_SUBNET, group=None)
    nic = nic_of(found, "proxy")
    second = IpConfiguration("second", SERVICE_SUBNET, IPv4Address("10.61.0.7"), primary=False)
    both = replace(nic, configurations=(*nic.configurations, second))

    assert security.subnet_of(both, IPv4Address("10.61.0.7")) == SERVICE_SUBNET
    assert security.subnet_of(both, IPv4Address("10.9.9.9")) == BUILD_SUBNET
    assert security.at_interface(found, both, "Inbound", Flow(NAT, 1, IPv4Address("10.61.0.7"), 22)).carried
    assert not security.at_interface(found, both, "Inbound", Flow(NAT, 1, PROXY, 22)).carried


def test_a_group_that_was_not_loaded() -> None:
    """A group that a subnet names and nobody loaded is missed where it decides, not before."""
    found = replace(world(), groups=())

    proxy, flow = nic_of(found, "proxy"), Flow(NAT, 1, PROXY, 22)
    settled = admin(found, "1 alwaysallow in * -> *")

    assert security.at_interface(settled, proxy, "Inbound", flow).carried
    assert security.at_interface(with_subnet(found, BUILD_SUBNET, group=None), proxy, "Inbound", flow).carried
    with pytest.raises(NotLoadedError, match=r"network security group .*/build-nsg was not loaded"):
        security.at_interface(found, proxy, "Inbound", flow)
