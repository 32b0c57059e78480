"""Security groups, their rules, and security admin rules as Azure writes them."""

from typing import Any

import pytest

from emulator.model import arm
from emulator.model.arm import security
from emulator.model.ids import ResourceId
from emulator.model.network import AdminRule, ApplicationSecurityGroup, SecurityGroup
from emulator.model.ports import PortRange
from tests.documents import NETWORK, document, finding, one, said

KIND, APPLICATION = "Microsoft.Network/networkSecurityGroups", "Microsoft.Network/applicationSecurityGroups"
ADMIN = f"{NETWORK}/networkManagers/m/securityAdminConfigurations/c/ruleCollections/d/rules/r"
ASG = {"id": f"{NETWORK}/applicationSecurityGroups/a"}
RULE: dict[str, Any] = {
    "protocol": "Tcp",
    "access": "Allow",
    "direction": "Inbound",
    "priority": 200,
    "sourceAddressPrefix": "*",
    "sourcePortRange": "*",
    "destinationAddressPrefix": "*",
    "destinationPortRange": "22",
}


def with_rule(**fields: Any) -> dict[str, Any]:
    """A group with one rule, which has these fields."""
    return document(KIND, {"securityRules": [{"name": "r", "properties": {**RULE, **fields}}]})


def group_of(*rules: dict[str, Any]) -> dict[str, Any]:
    """A group of numbered rules."""
    listed = [{"name": f"r{number}", "properties": {**RULE, **each}} for number, each in enumerate(rules)]
    return document(KIND, {"securityRules": listed})


@pytest.mark.parametrize("end", ["source", "destination"])
def test_an_end_by_application_groups(end: str) -> None:
    """An end is given by application security groups in place of prefixes."""
    fields = {f"{end}AddressPrefix": None, f"{end}ApplicationSecurityGroups": [ASG]}
    (rule,) = one(SecurityGroup, with_rule(**fields)).rules

    assert getattr(rule, f"{end}_groups") == (ResourceId(ASG["id"]),)
    assert getattr(rule, f"{end}_prefixes") == ()


# Azure's words for an end (azure.md 2.1): prefixes or groups, not both; one service tag at most.
ENDS: list[tuple[dict[str, Any], str]] = [
    ({"sourceApplicationSecurityGroups": [ASG]}, 'source: found "both", expected address prefixes, or application'),
    ({"destinationAddressPrefix": ""}, "destination: found nothing, expected address prefixes, or application sec"),
    (
        {"sourceAddressPrefixes": ["Internet", "VirtualNetwork"], "sourceAddressPrefix": None},
        'sourceAddressPrefixes: found "Internet, VirtualNetwork", expected at most one service tag',
    ),
    ({"sourcePortRange": None}, "sourcePortRange or sourcePortRanges: found nothing, expected a value"),
    ({"priority": 4097}, "priority: found 4097, expected a whole number from 100 to 4096"),
    ({"protocol": None}, "protocol: found nothing, expected a value"),
]


@pytest.mark.parametrize(("fields", "expected"), ENDS)
def test_what_a_rule_must_say(fields: dict[str, Any], expected: str) -> None:
    """A rule that Azure would not take is refused."""
    assert expected in finding(with_rule(**fields))


def test_tags_beside_ranges() -> None:
    """One service tag beside ranges is taken."""
    (rule,) = one(SecurityGroup, with_rule(sourceAddressPrefixes=["Internet", "10.0.0.0/8"])).rules

    assert rule.source_prefixes == ("*", "Internet", "10.0.0.0/8")


def test_priorities_and_names_are_used_once() -> None:
    """A priority is used once in a direction, a name once in a group."""
    twice = group_of({}, {})
    named = document(KIND, {"securityRules": [{"name": name, "properties": RULE} for name in ("r", "R")]})
    named["properties"]["securityRules"][1]["properties"] = {**RULE, "direction": "Outbound"}

    assert finding(twice) == "priority: found 200, expected a priority that Inbound rule r0 has not"
    assert finding(named) == 'name: found "R", expected a name that no other rule of the group has'
    assert len(one(SecurityGroup, group_of({}, {"direction": "Outbound"}, {"priority": 201})).rules) == 3


def test_all_is_told_at_once() -> None:
    """A priority that is used twice is told beside another rule's mistake, not after it is mended."""
    lines = said(group_of({}, {}, {"priority": 201, "access": "Maybe"}))

    assert [line.rpartition("/")[2].partition(":")[0] for line in lines] == ["r2", "r1"]


# Names that Azure takes for a rule, and names that it does not (azure.md 2.1).
NAMES = [("r", True), ("_a.b-c_", True), ("a" * 80, True), ("a" * 81, False), (".a", False), ("a-", False)]


@pytest.mark.parametrize(("name", "taken"), NAMES)
def test_names(name: str, taken: bool) -> None:  # noqa: FBT001
    """A rule's name has up to 80 characters, begins with a letter or digit, and does not end in `.` or `-`."""
    given = document(KIND, {"securityRules": [{"name": name, "properties": RULE}]})

    assert (one(SecurityGroup, given).rules[0].name == name) if taken else "name: found" in finding(given)


def test_descriptions() -> None:
    """A description has at most 140 characters."""
    assert len(one(SecurityGroup, with_rule(description="d" * 140)).rules[0].description) == 140
    assert finding(with_rule(description="d" * 141)) == (
        'description: found "141 characters", expected at most 140 characters'
    )


def test_application_groups_of_all_rules() -> None:
    """The rules of a group name at most 100 application security groups (azure.md 2.6)."""
    scope = document(APPLICATION, {})["id"]
    few: list[dict[str, Any]] = [{"priority": 100 + n, "sourceAddressPrefix": None} for n in range(11)]
    for n, fields in enumerate(few):
        fields["sourceApplicationSecurityGroups"] = [{"id": f"{scope}{n}x{m}"} for m in range(10)]

    assert len(one(SecurityGroup, group_of(*few[:10])).rules) == 10
    assert "found 110, expected at most 100 application security groups" in said(group_of(*few))[0]


def test_limits() -> None:
    """A group has at most 1000 rules and 4000 addresses on either side (azure.md 2.6)."""
    many = [{"priority": 100 + n % 3997, "direction": "Inbound"} for n in range(1001)]
    wide = [
        {"priority": 100 + n, "sourceAddressPrefixes": [f"10.{n}.{m}.0/24" for m in range(200)]} for n in range(21)
    ]
    where = f"0.json: {document(KIND, {})['id']}: properties.securityRules"

    assert said(group_of(*many)) == [f"{where}: found 1001, expected at most {security.MAX_RULES} rules"]
    (line,) = said(group_of(*wide))
    assert line.startswith(f"{where}[*].sourceAddressPrefixes: found 4221, expected at most 4000 addresses")
    assert len(one(SecurityGroup, group_of(*many[:1000])).rules) == 1000


def test_azures_own_rules_are_kept_and_not_read() -> None:
    """`defaultSecurityRules` are Azure's own; they are written back and decide nothing."""
    value = with_rule()
    value["properties"]["defaultSecurityRules"] = [{"name": "AllowVnetInBound"}]
    found = one(SecurityGroup, value)

    assert len(found.rules) == 1
    assert arm.dump(found)["properties"]["defaultSecurityRules"] == [{"name": "AllowVnetInBound"}]


def test_an_application_group() -> None:
    """An application security group is its ID and its place; without either it says nothing."""
    found = one(ApplicationSecurityGroup, {"id": document(APPLICATION, {})["id"], "location": "north"})

    assert found.location == "north"
    assert "properties: found nothing" in finding({"id": document(APPLICATION, {})["id"]})


def admin(**fields: Any) -> dict[str, Any]:
    """A security admin rule with these fields."""
    return {"id": ADMIN, "properties": {"access": "Deny", "direction": "Inbound", "priority": 1, **fields}}


# Ends of admin rules: REST's objects, PowerShell's, or plain prefixes; none is any.
SOURCES: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"sources": [{"addressPrefix": "Internet", "addressPrefixType": "ServiceTag"}]}, ("Internet",)),
    ({"sources": [{"AddressPrefix": "10.0.0.0/8"}]}, ("10.0.0.0/8",)),
    ({"sources": ["10.0.0.0/8"]}, ("10.0.0.0/8",)),
    ({"sources": []}, ()),
    ({}, ("*",)),
]


@pytest.mark.parametrize(("fields", "prefixes"), SOURCES)
def test_ends_of_admin_rules(fields: dict[str, Any], prefixes: tuple[str, ...]) -> None:
    """The sources of an admin rule are read in every form."""
    found = one(AdminRule, admin(**fields))

    assert found.source_prefixes == prefixes
    assert one(AdminRule, arm.dump(found)) == found


def test_an_admin_rule() -> None:
    """An admin rule has a priority from 1 on, and writes any protocol as `Any`."""
    found = one(AdminRule, admin(protocol="any", access="alwaysAllow", destinationPortRanges=["22", "60000-60001"]))
    written = arm.dump(one(AdminRule, admin(sources=["Internet", "10.0.0.0/8"])))["properties"]

    assert (found.name, found.protocol, found.access) == ("r", "*", "AlwaysAllow")
    assert found.destination_ports == (PortRange(22, 22), PortRange(60000, 60001))
    assert arm.dump(found)["properties"]["protocol"] == "Any"
    assert [each["addressPrefixType"] for each in written["sources"]] == ["ServiceTag", "IPPrefix"]
    assert finding(admin(priority=0)) == "priority: found 0, expected a whole number from 1 to 4096"
    assert finding(admin(sources="*")) == 'sources: found "*", expected a list'
    assert "protocol: found 5, expected one of" in finding(admin(protocol=5))
