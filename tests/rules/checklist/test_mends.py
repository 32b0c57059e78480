"""The commands that mend: with the world's names, quoted, before what denies, and each with a place of its own."""

import shlex
from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from emulator.model.default_world import BUILD_GROUP, BUILD_SUBNET, VNET
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import Direction, Route, RouteTable
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules.checklist import mends
from emulator.rules.checklist.mends import Opening
from tests.worlds import nsg, world

TABLE = resource_id("Microsoft.Network/routeTables", "rt")


def opening(place: int = 0, direction: Direction = "Inbound", name: str = "Open") -> Opening:
    """A rule that is to be."""
    return Opening(name, direction, "VirtualNetwork", "VirtualNetwork", ("22",), place)


def denied(rule: str, group: ResourceId = BUILD_GROUP, kind: str = "rule") -> Verdict:
    """A verdict by a rule or a route."""
    return Verdict(Outcome.DROPPED, Reason("route" if kind == "route" else "rule", group.text, rule), "no")


def option(command: str, name: str) -> str:
    """The value of an option."""
    words = shlex.split(command)
    return words[words.index(name) + 1]


# The rules there are, the one that denies, the place among the openings, and the priority that it gets.
PRIORITIES: list[tuple[tuple[str, ...], str, int, str]] = [
    ((), "DenyAllInBound", 0, "400"),
    ((), "DenyAllInBound", 2, "420"),
    (("4096 deny in * -> *",), "deny-4096", 1, "410"),
    (("400 allow in * -> 10.60.0.99", "4096 deny in * -> *"), "deny-4096", 0, "401"),
    (("400 allow out * -> 10.60.0.99", "4096 deny in * -> *"), "deny-4096", 0, "400"),
    (("400 deny in * -> *",), "deny-400", 0, "399"),
    (("400 deny in * -> *",), "deny-400", 1, "398"),
    (("300 deny in * -> *", "299 allow in * -> 10.60.0.99"), "deny-300", 0, "298"),
    (("405 deny in * -> *",), "deny-405", 1, "401"),
    (("101 deny in * -> *",), "deny-101", 0, "100"),
]


@pytest.mark.parametrize(("rules", "by", "place", "priority"), PRIORITIES)
def test_priorities(rules: tuple[str, ...], by: str, place: int, priority: str) -> None:
    """An opening gets a free priority before the rule that denies, the documented one if it can be."""
    command = mends.allow(world(*rules), denied(by), opening(place))

    assert option(command, "--priority") == priority


def test_openings_do_not_meet() -> None:
    """The openings of one direction have different priorities, whatever is taken."""
    found = world("400 allow in * -> 10.60.0.99", "403 deny in * -> *", "99 allow in * -> 10.60.0.98")
    commands = [mends.allow(found, denied("deny-403"), opening(place)) for place in range(mends.OPENINGS)]

    assert len({option(each, "--priority") for each in commands}) == mends.OPENINGS


def test_no_priority_left() -> None:
    """Where none is left the denying rule moves behind the openings; where it cannot, it goes."""
    command = mends.allow(world("100 deny in * -> *"), denied("deny-100"), opening(1))
    blocked = mends.allow(world("100 deny in * -> *", "103 allow in * -> *"), denied("deny-100"), opening(1))

    moved, created = command.split(" && ")
    assert "az network nsg rule update" in moved
    assert (option(moved, "-n"), option(moved, "--priority")) == ("deny-100", "106")
    assert (option(created, "-n"), option(created, "--priority")) == ("Open", "101")
    assert blocked.startswith("az network nsg rule delete")
    assert option(blocked, "-n") == "deny-100"


def test_a_rule_of_the_name_gives_way() -> None:
    """Creating a rule replaces the one of its name, so that one takes no priority from it."""
    there = replace(nsg("400 allow in AzureLoadBalancer -> *"), rules=())
    rules = nsg("400 allow in AzureLoadBalancer -> *", "4096 deny in * -> *").rules
    found = world().laid(replace(there, rules=tuple(replace(each, name=f"r{each.priority}") for each in rules)))

    assert option(mends.allow(found, denied("r4096"), opening(name="r400")), "--priority") == "400"
    assert option(mends.add(nsg(), opening()), "--priority") == "400"


def test_the_whole_command() -> None:
    """A command names group, subscription, security group and both ends."""
    assert mends.allow(world(), denied("DenyAllInBound"), opening()) == (
        "az network nsg rule create -g aib-emulator --subscription 00000000-0000-0000-0000-000000000000 "
        "--nsg-name build-nsg -n Open --priority 400 --direction Inbound --access Allow --protocol Tcp "
        "--source-address-prefixes VirtualNetwork --destination-address-prefixes VirtualNetwork "
        "--destination-port-ranges 22"
    )


def test_names_are_quoted() -> None:
    """A name out of a document is a word of the command, never a command."""
    group = ResourceId("/subscriptions/s/resourceGroups/g;id/providers/Microsoft.Network/networkSecurityGroups/$(id)")
    found = world().laid(replace(nsg(), id=group))

    command = mends.allow(found, denied("DenyAllInBound", group), opening())

    assert "-g 'g;id'" in command
    assert "--nsg-name '$(id)'" in command
    assert shlex.split(command)[shlex.split(command).index("-g") + 1] == "g;id"


def test_admin_rules() -> None:
    """A security admin rule is told to leave the flow to the groups."""
    manager = resource_id("Microsoft.Network/networkManagers", "nm").child("securityAdminConfigurations", "cfg")
    rule = manager.child("ruleCollections", "rc").child("rules", "deny-all")

    assert mends.allow(world(), denied("deny-all", rule), opening()) == (
        "az network manager security-admin-config rule-collection rule update -g aib-emulator --subscription "
        "00000000-0000-0000-0000-000000000000 --network-manager-name nm --configuration-name cfg "
        "--rule-collection-name rc --rule-name deny-all --access Allow"
    )


def routed(*routes: tuple[str, str]) -> World:
    """The world with a route table."""
    return world().laid(RouteTable(TABLE, tuple(Route(name, prefix, "VirtualAppliance") for name, prefix in routes)))


# The route that loses a packet for 10.60.0.0/24, and the route that is made: beside a wider one, in place of others.
ROUTES = [
    ("10.60.0.0/16", "aib-10.60.0.0-24", "10.60.0.0/24"),
    ("0.0.0.0/0", "aib-10.60.0.0-24", "10.60.0.0/24"),
    ("Storage", "aib-10.60.0.0-24", "10.60.0.0/24"),
    ("10.60.0.0/24", "lost", "10.60.0.0/24"),
    ("10.60.0.8/32", "lost", "10.60.0.8/32"),
]


@pytest.mark.parametrize(("prefix", "name", "made"), ROUTES)
def test_routes(prefix: str, name: str, made: str) -> None:
    """A route to the network itself stands beside the one that loses, or replaces it where that is as narrow."""
    command = mends.route(routed(("lost", prefix)), denied("lost", TABLE, "route"), IPv4Network("10.60.0.0/24"))

    assert "az network route-table route create -g aib-emulator" in command
    assert [option(command, each) for each in ("--route-table-name", "-n", "--address-prefix")] == ["rt", name, made]
    assert option(command, "--next-hop-type") == "VnetLocal"


def test_azures_own_routes() -> None:
    """What one of Azure's own routes loses is added to the network's ranges."""
    command = mends.route(world(), denied("None", BUILD_SUBNET, "route"), IPv4Network("172.16.0.0/24"))

    assert command.endswith("-n aib-vnet --address-prefixes 10.60.0.0/16 172.16.0.0/24")


def test_a_new_subnet() -> None:
    """A new subnet is in space that no subnet has; a full network gets more space first."""
    found = world()
    network = found.network_of(BUILD_SUBNET)
    full = replace(network, prefixes=(IPv4Network("10.60.0.0/24"),))
    tiny = replace(network, prefixes=(IPv4Network("10.0.0.0/28"),), subnets=())

    assert "--address-prefixes 10.60.1.0/27 --delegations x" in mends.new_subnet(network, "new", "--delegations", "x")
    for each in (full, tiny):
        first, second = mends.new_subnet(each, "new").split(" && ")
        added = first.split()[-1]
        assert first.startswith("az network vnet update")
        assert option(second, "--address-prefixes") == added
        assert not [own for own in each.prefixes if own.overlaps(IPv4Network(added))]


def test_other_commands() -> None:
    """Subnets are changed, NAT gateways made and roles given by name."""
    found = world()
    network = found.network_of(BUILD_SUBNET)
    steps = mends.nat_gateway(network, found.subnet(BUILD_SUBNET)).split(" && ")

    assert [" ".join(each.split()[1:4]) for each in steps] == [
        "network public-ip create",
        "network nat gateway",
        "network vnet subnet",
    ]
    assert steps[2].endswith("--vnet-name aib-vnet -n build --nat-gateway ng-build")
    assert mends.assign("p", "Network Contributor", VNET).endswith(f"--role 'Network Contributor' --scope {VNET}")
    assert mends.joined(["az a", "", "az b", "az a"]) == "az a && az b"
