"""Effective rules: groups in order, Azure's own last, names with what they mean there."""

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from emulator.app.worlds import load_world
from emulator.model.ids import resource_id
from emulator.model.network import AdminRule, SecurityGroup
from emulator.model.ports import PortRange
from emulator.rules.effective import effective_groups, ports
from emulator.rules.ends import end_of
from tests.worlds import nic_of, nsg, rule, world

EXPORT = load_world(Path(__file__).parents[1] / "data" / "export" / "rest")


def test_subnet_then_interface() -> None:
    """The subnet's group comes first, then the interface's own; both say whose they are."""
    found = world()
    own = SecurityGroup(
        resource_id("Microsoft.Network/networkSecurityGroups", "nic-nsg"), (rule("100 deny in * -> *"),)
    )
    nic = replace(nic_of(found, "proxy"), group=own.id)

    groups = effective_groups(found.laid(own, nic), nic)

    assert [(each.group.name, each.association, each.associated.name) for each in groups] == [
        ("build-nsg", "subnet", "build"),
        ("nic-nsg", "networkInterface", "proxy-nic"),
    ]


def test_rules_in_the_order_they_are_tried() -> None:
    """Each direction has its own rules by priority, then Azure's three."""
    found = world().laid(nsg("300 deny in * -> *", "200 allow in * -> *", "100 deny out * -> *"))
    (group,) = effective_groups(found, nic_of(found, "proxy"))

    assert [(each.rule.priority, each.default) for each in group.rules] == [
        *((200, False), (300, False), (65000, True), (65001, True), (65500, True)),
        *((100, False), (65000, True), (65001, True), (65500, True)),
    ]
    assert group.rules[0].name == "securityRules/allow-200"
    assert group.rules[-1].name == "defaultSecurityRules/DenyAllOutBound"


def test_names_are_expanded() -> None:
    """A tag is expanded to what it contains at this subnet, an application group to its members' addresses."""
    interface = end_of(EXPORT, "vm-tools").interface
    assert interface
    (group,) = effective_groups(EXPORT, interface)
    by_name = {each.rule.name: each for each in group.rules}

    network = by_name["AllowVnetInBound"].expanded_source
    assert IPv4Network("10.20.0.0/16") in network
    assert IPv4Network("10.10.0.0/16") in network  # its peer
    assert IPv4Network("168.63.129.16/32") in network
    assert by_name["AllowBuildTools"].expanded_destination == (IPv4Network("10.20.1.40/32"),)
    assert by_name["AllowAdmins"].expanded_source == ()  # ranges mean themselves
    assert by_name["AllowStorage"].expanded_destination == ()  # its addresses were not loaded


def test_ports_have_both_ends() -> None:
    """Effective rules print every range with its first and last port."""
    assert ports([PortRange(), PortRange(22, 22)]) == ["0-65535", "22-22"]


def test_security_admin_rules() -> None:
    """Security admin rules stand first, as those of their network manager's configuration."""
    manager = resource_id("Microsoft.Network/networkManagers", "avnm")
    configuration = manager.child("securityAdminConfigurations", "all")
    own = configuration.child("ruleCollections", "c")
    rules = [
        AdminRule(own.child("rules", name), priority, "Inbound", "Deny")
        for name, priority in (("late", 9), ("early", 1))
    ]
    first, second = effective_groups(world().laid(*rules), nic_of(world(), "proxy"))

    assert (first.group, first.association, first.associated) == (configuration, "networkManager", manager)
    assert [each.name for each in first.rules] == ["securityRules/early", "securityRules/late"]
    assert second.association == "subnet"
