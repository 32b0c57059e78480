"""Security groups between balancer and build VM: what the documented rule covers, and what it does not."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from emulator.model.default_world import BUILD_GROUP
from emulator.model.ids import ResourceId, resource_id
from emulator.model.network import AdminRule, SecurityGroup
from emulator.model.world import World
from emulator.rules.checklist.registry import ITEMS
from emulator.rules.checklist.security import ITEMS as OURS
from tests.mending import finding, findings_of, mended, states
from tests.rules.test_security import DENY_IN, DENY_OUT, DENY_VNET, DOCUMENTED_FIRST, OPEN_BUILD, OPEN_PROXY
from tests.worlds import DOCUMENTED, groups, nic_of, nsg, rule, without, world

NAMES = (
    "proxy-inbound",
    "probe-virtual-network-tag",
    "private-link-data",
    "proxy-to-build-outbound",
    "proxy-to-build-inbound",
    "probe-green-data-dead",
)
MANAGER = resource_id("Microsoft.Network/networkManagers", "nm").child("securityAdminConfigurations", "cfg")


def marks(found: World) -> str:
    """The states of the six items, by their first letters: `ok` is a dot, `warning` a w, `failed` an F."""
    letters = {"ok": ".", "warning": "w", "failed": "F", "unknown": "?"}
    return "".join(letters[next(iter(states(found, name)))] for name in NAMES)


# azure.md 8.1: the six items, strictly read, and with `pls_data_nsg: bypass`. The order is that of NAMES: the rule
# for probes, denied by the tag, data, proxy → build VM out and in, and the probe that is green before a dead channel.
VECTORS = [
    ((), "w.....", "w....."),
    ((DOCUMENTED,), "......", "......"),
    ((DENY_IN,), "F.F.F.", "F.w.F."),
    ((DOCUMENTED, DENY_IN), "..F.FF", "..w.FF"),
    # MicrosoftDocs/azure-docs#84627: deny-all and the documented rule alone; there the data did reach the proxy.
    ((DOCUMENTED, DENY_IN, DENY_OUT), "..FFFF", "..wFFF"),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD), "..F..F", "..w..."),
    ((DOCUMENTED, DENY_IN, DENY_OUT, *OPEN_BUILD, OPEN_PROXY), "......", "......"),
    # MicrosoftDocs/azure-docs#38326: the tag VirtualNetwork contains the address that probes come from.
    ((DOCUMENTED, DENY_VNET), "FFF.F.", "FFw.F."),
    ((DOCUMENTED_FIRST, DENY_VNET), "..F.FF", "..w.FF"),
]


@pytest.mark.parametrize(("rules", "strict", "bypass"), VECTORS)
def test_vectors(rules: tuple[str, ...], strict: str, bypass: str) -> None:
    """Each item fails exactly where the table says, in both readings of whether groups see private-link data."""
    assert marks(world(*rules)) == strict
    assert marks(world(*rules, data="bypass")) == bypass


def test_the_mistake_of_84627() -> None:
    """The state of azure-docs #84627 fails the data path's items and no other, and the probe's item is ok."""
    found = world(DOCUMENTED, DENY_IN, DENY_OUT)
    failed = [each.name for item in ITEMS for each in item.findings(found) if each.state == "failed"]

    assert failed == [
        "private-link-data",
        "proxy-to-build-outbound",
        "proxy-to-build-inbound",
        "probe-green-data-dead",
    ]
    green = finding(found, "probe-green-data-dead")
    assert "the probe of proxy is green and the channel behind it dead" in green.found
    assert "10.60.0.7:49152 → 10.60.0.8:22 is denied outbound by rule deny-4096" in green.found
    assert "84627" in green.why
    assert green.source == "https://github.com/MicrosoftDocs/azure-docs/issues/84627"


@pytest.mark.parametrize("data", ["match_nat_ip", "bypass"])
def test_one_command_mends_84627(data: str) -> None:
    """The command of the item that names the state mends all of it: both directions, and data that groups see."""
    found = world(DOCUMENTED, DENY_IN, DENY_OUT, data="bypass" if data == "bypass" else "match_nat_ip")

    after = mended(found, finding(found, "probe-green-data-dead"))

    assert marks(after) == ("..w..." if data == "bypass" else "......")


@pytest.mark.parametrize(("rules", "strict", "bypass"), VECTORS)
def test_commands_mend(rules: tuple[str, ...], strict: str, bypass: str) -> None:
    """After the commands of all items, in their order, every item is ok."""
    for found in (world(*rules), world(*rules, data="bypass")):
        after = found
        for name in NAMES[:5]:
            for each in findings_of(found, name):
                after = mended(after, each)
        assert marks(after) == "......"


def test_what_findings_name() -> None:
    """A failure is about the group that denies, and its command names that group; ok is about the interface."""
    failed = finding(world(DENY_IN), "private-link-data")
    fine = finding(world(), "private-link-data")

    assert (failed.resource, fine.resource) == (BUILD_GROUP, nic_of(world(), "proxy").id)
    assert "--nsg-name build-nsg -n AllowPrivateLinkToProxy" in failed.mend
    assert "(with the switch pls_data_nsg: bypass it would pass unseen)" in failed.found
    assert "pls_data_nsg: bypass alone" in finding(world(DENY_IN, data="bypass"), "private-link-data").found


# Rules that let probes in as the documented one does, and such as do not.
DOCUMENTED_RULES = [
    (DOCUMENTED, "ok"),
    ("400 allow in AzureLoadBalancer -> *", "ok"),
    ("400 allow in * -> *:60000-60001 Tcp", "ok"),
    ("400 allow in 168.63.129.16 -> *:60000-60001", "ok"),
    ("400 allow in AzureLoadBalancer -> *:60001 Tcp", "warning"),
    ("400 allow in 10.60.0.0/24 -> *:60000-60001 Tcp", "warning"),
    ("400 allow out AzureLoadBalancer -> *:60000-60001 Tcp", "warning"),
    ("400 deny in AzureLoadBalancer -> *:60000-60001 Tcp", "failed"),
]


@pytest.mark.parametrize(("text", "state"), DOCUMENTED_RULES)
def test_the_documented_rule(text: str, state: str) -> None:
    """The documentation's first point asks for a rule; the default rules do the same, and a warning says so."""
    found = world(text)

    assert states(found, "proxy-inbound") == [state]
    assert states(mended(found, finding(found, "proxy-inbound")), "proxy-inbound") == ["ok"]


def test_no_group_at_all() -> None:
    """Without a group nothing is denied, and nothing asked for."""
    found = world()
    networks = tuple(
        replace(net, subnets=tuple(replace(s, group=None) for s in net.subnets)) for net in found.networks
    )

    assert marks(replace(found, networks=networks)) == "......"


def test_groups_at_interfaces() -> None:
    """A group at an interface denies as one at the subnet does, and is the one that is mended."""
    group = resource_id("Microsoft.Network/networkSecurityGroups", "nic-nsg")
    found = world(DOCUMENTED).laid(
        SecurityGroup(group, (rule(DENY_OUT), rule(DOCUMENTED))), replace(nic_of(world(), "proxy"), group=group)
    )

    failed = finding(found, "proxy-to-build-outbound")

    assert (failed.state, failed.resource) == ("failed", group)
    assert states(mended(found, failed), "proxy-to-build-outbound") == ["ok"]


def test_two_rules_of_one_group() -> None:
    """Where two rules deny the two ports, the opening comes before both."""
    found = world("300 deny out * -> *:22", "500 deny out * -> *:5986")
    failed = finding(found, "proxy-to-build-outbound")

    assert "deny-300" in failed.found
    assert "deny-500" in failed.found
    assert states(mended(found, failed), "proxy-to-build-outbound") == ["ok"]


def test_admin_rules() -> None:
    """A security admin rule that denies is mended at the network manager."""
    deny = AdminRule(MANAGER.child("ruleCollections", "rc").child("rules", "no-ssh"), 1, "Inbound", "Deny")
    found = world(DOCUMENTED).laid(deny)
    failed = finding(found, "proxy-to-build-inbound")

    assert (failed.state, failed.resource) == ("failed", deny.id)
    assert marks(found) == "F.F.F."
    assert marks(mended(found, failed)) == "......"


def test_several_proxies() -> None:
    """Each proxy VM is asked: the one whose group denies is told."""
    group = resource_id("Microsoft.Network/networkSecurityGroups", "nic-nsg")
    found = world(DOCUMENTED, proxies=2)
    found = found.laid(SecurityGroup(group, (rule(DENY_OUT),)), replace(nic_of(found, "proxy-2"), group=group))

    assert states(found, "proxy-to-build-outbound") == ["ok", "failed"]
    assert states(found, "probe-green-data-dead") == ["ok", "failed"]


def test_only_what_is_there() -> None:
    """Without a Windows build VM nobody asks for its port."""
    found = without(world("300 deny out * -> *:5986", "300 deny in AzureLoadBalancer -> *:60000"), "build-windows")

    assert marks(found) == "w....."


def test_what_was_not_loaded() -> None:
    """A group that was not loaded makes the items unknown that hang on it."""
    found = replace(world(), groups=())

    assert marks(found) == "??????"
    assert finding(found, "proxy-inbound").mend == f"az resource show --ids {BUILD_GROUP} -o json"
    assert finding(found, "proxy-inbound").resource == BUILD_GROUP


def test_elsewhere() -> None:
    """Without private link there is no proxy to ask about."""
    for topology in ("public-ip", "container-instance"):
        found = world(topology="public-ip" if topology == "public-ip" else "container-instance")
        assert [each.name for item in OURS for each in item.findings(found)] == []


@given(groups())
@settings(max_examples=60, deadline=None)
def test_any_group(group: SecurityGroup) -> None:
    """Whatever stands in a group, the command of each failure mends it, and openings never take one priority."""
    found = world().laid(group)
    for name in NAMES[2:5]:
        for each in findings_of(found, name):
            after = mended(found, each) if each.state == "failed" else found
            assert states(after, name) == ["ok"]


def test_the_group_in_other_letters() -> None:
    """IDs are compared without case: a finding's group is found however it is spelled."""
    found = world(DENY_IN)
    shouted = replace(nsg(DENY_IN), id=ResourceId(BUILD_GROUP.text.upper()))

    assert states(found.laid(shouted), "private-link-data") == ["failed"]
