"""How Azure writes security groups, their rules, and the security admin rules before them (azure.md 2.1)."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import BOOLEAN, PORTS, REFERENCE, TEXT, Kind, choice, each, whole
from emulator.model.arm.shape import Field, Shape, parts
from emulator.model.arm.terms import LOCATION, NETWORK_TYPE, PREFIX, TAG
from emulator.model.arm.view import View
from emulator.model.network import AdminRule, ApplicationSecurityGroup, SecurityGroup, SecurityRule

MAX_RULES = 1000
MAX_ADDRESSES = 4000
"""Of one security group, for sources and destinations each (azure.md 2.6)."""
MAX_GROUPS = 100
"""Application security groups in all rules of one group (azure.md 2.6)."""
MAX_DESCRIPTION = 140
NAME = re.compile(r"\w([\w.-]{0,78}\w)?")
"""A rule's name (azure.md 2.1, network-security-groups-overview)."""
DIRECTION = Field("direction", "direction", choice("Inbound", "Outbound"), required=True)
PROTOCOL = Field("protocol", "protocol", choice("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"), required=True)


def _ends(end: str) -> Iterable[Field]:
    yield Field(f"{end}_prefixes", f"{end}AddressPrefix", PREFIX, plural=f"{end}AddressPrefixes", absent=())
    yield Field(f"{end}_ports", f"{end}PortRange", PORTS, plural=f"{end}PortRanges", required=True)


def _rule_is_valid(rule: SecurityRule, place: Place) -> None:
    """The name is one that Azure takes, the description short, and each end given (azure.md 2.1)."""
    if not NAME.fullmatch(rule.name):
        allowed = "up to 80 letters, digits, `_`, `.` and `-`, the first and last of which is no `.` or `-`"
        place.at("name").wrong(rule.name, allowed)
    if len(rule.description) > MAX_DESCRIPTION:
        allowed = f"at most {MAX_DESCRIPTION} characters"
        place.at("description").wrong(f"{len(rule.description)} characters", allowed)
    _ends_are_given(rule, place)


def _ends_are_given(rule: SecurityRule, place: Place) -> None:
    """Each end has prefixes or application security groups, and of service tags one at most (azure.md 2.1)."""
    ends = (
        ("source", rule.source_prefixes, rule.source_groups),
        ("destination", rule.destination_prefixes, rule.destination_groups),
    )
    for end, prefixes, groups in ends:
        if bool(prefixes) == bool(groups):
            found = "both" if prefixes else None
            place.at(end).wrong(found, "address prefixes, or application security groups")
        tags = [prefix for prefix in prefixes if TAG.fullmatch(prefix)]
        if len(tags) > 1:
            place.at(f"{end}AddressPrefixes").wrong(", ".join(tags), "at most one service tag")


def _group_end(end: str) -> Field:
    return Field(f"{end}_groups", f"{end}ApplicationSecurityGroups", each(REFERENCE))


RULE = Shape(
    SecurityRule,
    (
        Field("description", "description", TEXT),
        PROTOCOL,
        Field("access", "access", choice("Allow", "Deny"), required=True),
        DIRECTION,
        Field("priority", "priority", whole(100, 4096), required=True),
        *_ends("source"),
        *_ends("destination"),
        _group_end("source"),
        _group_end("destination"),
    ),
    check=_rule_is_valid,
)


def _rules_are_valid(rules: Sequence[SecurityRule], place: Place) -> None:
    """No priority twice in one direction, no name twice, Azure's limits (azure.md 2.1, 2.6)."""
    priorities: dict[tuple[str, int], str] = {}
    names: set[str] = set()
    for rule in rules:
        at = place.of(f"{place.resource.rstrip('/')}/securityRules/{rule.name}")
        if rule.name.lower() in names:
            at.at("name").wrong(rule.name, "a name that no other rule of the group has")
        names.add(rule.name.lower())
        taken = priorities.get((rule.direction, rule.priority))
        if taken is not None:
            at.at("priority").wrong(rule.priority, f"a priority that {rule.direction} rule {taken} has not")
        priorities.setdefault((rule.direction, rule.priority), rule.name)
    _limits(rules, place)


def _limits(rules: Sequence[SecurityRule], place: Place) -> None:
    if len(rules) > MAX_RULES:
        place.at("properties.securityRules").wrong(len(rules), f"at most {MAX_RULES} rules")
    for end in ("source", "destination"):
        count = sum(len(getattr(rule, f"{end}_prefixes")) for rule in rules)
        if count > MAX_ADDRESSES:
            where = place.at(f"properties.securityRules[*].{end}AddressPrefixes")
            where.wrong(count, f"at most {MAX_ADDRESSES} addresses and ranges in a group")
    named = {each for rule in rules for each in (*rule.source_groups, *rule.destination_groups)}
    if len(named) > MAX_GROUPS:
        allowed = f"at most {MAX_GROUPS} application security groups in a group's rules"
        place.at("properties.securityRules").wrong(len(named), allowed)


GROUP = Shape(
    SecurityGroup,
    (
        LOCATION,
        Field("rules", "securityRules", parts("securityRules", RULE, check=_rules_are_valid)),
        Field("flush_connection", "flushConnection", BOOLEAN),
    ),
    type=NETWORK_TYPE + "networkSecurityGroups",
)
APPLICATION_GROUP = Shape(ApplicationSecurityGroup, (LOCATION,), type=NETWORK_TYPE + "applicationSecurityGroups")


def _admin_prefixes(found: Any, place: Place) -> tuple[str, ...] | None:
    """`[{"addressPrefix": …, "addressPrefixType": …}]`."""
    if not isinstance(found, list):
        place.wrong(found, "a list")
        return None
    texts = [View(item).within("addressPrefix") if isinstance(item, dict) else item for item in found]
    return each(PREFIX).read(texts, place)


def _write_admin_prefix(text: str) -> dict[str, str]:
    kind = "ServiceTag" if TAG.fullmatch(text) else "IPPrefix"
    return {"addressPrefix": text, "addressPrefixType": kind}


def _admin_protocol(found: Any, place: Place) -> Any:
    return PROTOCOL.kind.read("*" if isinstance(found, str) and found.lower() == "any" else found, place)


ADMIN_PREFIXES: Kind[tuple[str, ...]] = Kind(
    _admin_prefixes, lambda values: [_write_admin_prefix(value) for value in values]
)
ADMIN_RULE = Shape(
    AdminRule,
    (
        Field("protocol", "protocol", Kind(_admin_protocol, lambda value: "Any" if value == "*" else value)),
        Field("access", "access", choice("Allow", "AlwaysAllow", "Deny"), required=True),
        DIRECTION,
        Field("priority", "priority", whole(1, 4096), required=True),
        Field("source_prefixes", "sources", ADMIN_PREFIXES),
        Field("source_ports", "sourcePortRanges", each(PORTS)),
        Field("destination_prefixes", "destinations", ADMIN_PREFIXES),
        Field("destination_ports", "destinationPortRanges", each(PORTS)),
    ),
    type=NETWORK_TYPE + "networkManagers/securityAdminConfigurations/ruleCollections/rules",
)
