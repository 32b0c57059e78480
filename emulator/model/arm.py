"""To and from Azure's JSON (ARM): the only file that knows camelCase.

Read here: network security groups in REST shape (`id`, `properties`), alone, in a list or in a `value` page.
Everything wrong is reported at once, each finding with document, resource, field, found and allowed.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from emulator.errors import InvalidInputError
from emulator.model.ids import ResourceId
from emulator.model.network import ANY_PORT, PortRange, SecurityGroup, SecurityRule, port_range

GROUP_TYPE = "Microsoft.Network/networkSecurityGroups"
GROUP_ID = re.compile(rf"(/[^/]+)+/providers/{re.escape(GROUP_TYPE)}/[^/]+/?", re.IGNORECASE)
TAGS = ("VirtualNetwork", "AzureLoadBalancer", "Internet")
"""The service tags that the decisions know."""
CHOICES = {
    "direction": ("Inbound", "Outbound"),
    "access": ("Allow", "Deny"),
    "protocol": ("Tcp", "Udp", "Icmp", "Esp", "Ah", "*"),
}
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


class Findings:
    """Collects what is wrong in one document."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.lines: list[str] = []

    def add(self, where: str, field: str, found: object, allowed: str) -> None:
        """One finding."""
        place = f"{self.document}: {_printable(where)}: {_printable(field)}"
        self.lines.append(f"{place}: found {_shown(found)}, expected {_printable(allowed)}")


def _shown(found: object) -> str:
    """A found value, short, on one line."""
    if isinstance(found, (Mapping, list)):
        return ("an object" if isinstance(found, Mapping) else "a list") + f" of {len(found)}"
    shown = json.dumps(found) if found is not None else "nothing"
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _printable(text: str) -> str:
    """Text from a document, so that it cannot break a line or a terminal."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)


def load_json(document: str, text: str | bytes) -> object:
    """The JSON value of a document named `document`.

    Raises:
        InvalidInputError: it is not JSON, or too large.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidInputError(f"{document}: {len(text)} bytes, at most {MAX_DOCUMENT_BYTES} are read")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{document}: not JSON: {error}") from None


def load_groups(documents: Iterable[tuple[str, object]]) -> tuple[SecurityGroup, ...]:
    """The security groups in documents, each a pair of its name and its JSON value.

    Raises:
        InvalidInputError: with one line for each finding; nothing is loaded then.
    """
    groups: list[SecurityGroup] = []
    lines: list[str] = []
    for document, value in documents:
        findings = Findings(document)
        resources = _resources(value, findings)
        groups += [group for each in resources if (group := _group(each, findings))]
        lines += findings.lines
    if lines:
        raise InvalidInputError("\n".join(lines))
    return tuple(groups)


def _resources(value: object, findings: Findings) -> Sequence[Mapping[str, Any]]:
    if isinstance(value, Mapping) and isinstance(value.get("value"), list) and "id" not in value:
        value = value["value"]
    found = value if isinstance(value, list) else [value]
    good = [each for each in found if isinstance(each, Mapping)]
    if len(good) < len(found) or not found:
        findings.add("document", "resource", value, "a resource, a list of resources or a page with `value`")
    return good


def _group(resource: Mapping[str, Any], findings: Findings) -> SecurityGroup | None:
    before = len(findings.lines)
    identity = resource.get("id")
    if not isinstance(identity, str) or not GROUP_ID.fullmatch(identity):
        findings.add("resource", "id", identity, f"the ID of a {GROUP_TYPE}")
        return None
    properties = resource.get("properties")
    if not isinstance(properties, Mapping):
        findings.add(identity, "properties", properties, "an object (REST shape)")
        return None
    written = properties.get("securityRules", [])
    if not isinstance(written, list):
        findings.add(identity, "properties.securityRules", written, "a list of rules")
        return None
    where = [f"properties.securityRules[{index}]" for index in range(len(written))]
    rules = [_rule(identity, field, rule, findings) for field, rule in zip(where, written, strict=True)]
    good = tuple(rule for rule in rules if rule)
    _unique(identity, good, findings)
    location = str(resource.get("location") or "westeurope")
    return SecurityGroup(ResourceId(identity), good, location) if len(findings.lines) == before else None


def _unique(identity: str, rules: Sequence[SecurityRule], findings: Findings) -> None:
    """No priority twice in one direction, no name twice (azure.md 2.1)."""
    priorities: dict[tuple[str, int], str] = {}
    names: set[str] = set()
    for rule in rules:
        where = f"{identity}/securityRules/{rule.name}"
        if rule.name.lower() in names:
            findings.add(where, "name", rule.name, "a name that no other rule of the group has")
        names.add(rule.name.lower())
        place = rule.direction, rule.priority
        if place in priorities:
            allowed = f"a priority that {rule.direction} rule {priorities[place]} has not"
            findings.add(where, "priority", rule.priority, allowed)
        priorities.setdefault(place, rule.name)


def _rule(identity: str, field: str, rule: object, findings: Findings) -> SecurityRule | None:
    name = rule.get("name") if isinstance(rule, Mapping) else None
    fields = rule.get("properties") if isinstance(rule, Mapping) else None
    if not isinstance(name, str) or not isinstance(fields, Mapping):
        findings.add(identity, field, rule, "a rule with `name` and `properties`")
        return None
    where = f"{identity}/securityRules/{name}"
    before = len(findings.lines)
    chosen = {key: _choice(where, key, fields.get(key), findings) for key in CHOICES}
    priority = fields.get("priority")
    if not isinstance(priority, int) or isinstance(priority, bool) or not 100 <= priority <= 4096:
        findings.add(where, "priority", priority, "a whole number from 100 to 4096")
    values: dict[str, Any] = {
        "source_prefixes": _prefixes(where, "source", fields, findings),
        "source_ports": _ports(where, "source", fields, findings),
        "destination_prefixes": _prefixes(where, "destination", fields, findings),
        "destination_ports": _ports(where, "destination", fields, findings),
    }
    if len(findings.lines) > before:
        return None
    return SecurityRule(
        name=name, priority=int(priority or 0), description=str(fields.get("description") or ""), **chosen, **values
    )


def _choice(where: str, field: str, found: object, findings: Findings) -> Any:
    allowed = CHOICES[field]
    for choice in allowed:
        if isinstance(found, str) and found.lower() == choice.lower():
            return choice
    findings.add(where, field, found, "one of " + ", ".join(allowed))
    return None


def _texts(where: str, singular: str, plural: str, fields: Mapping[str, Any], findings: Findings) -> list[str]:
    one, many = fields.get(singular), fields.get(plural) or []
    if not isinstance(many, list):
        findings.add(where, plural, many, "a list")
        return []
    found = [*([] if one in (None, "") else [one]), *many]
    texts = [text for text in found if isinstance(text, str)]
    if not found or len(texts) < len(found):
        findings.add(where, f"{singular} or {plural}", found or None, "text")
        return []
    return texts


def _prefixes(where: str, end: str, fields: Mapping[str, Any], findings: Findings) -> tuple[str, ...]:
    field = f"{end}AddressPrefix"
    texts = _texts(where, field, f"{end}AddressPrefixes", fields, findings)
    for text in texts:
        if not _is_prefix(text):
            allowed = "*, an IPv4 address or range, or a tag: " + ", ".join(TAGS)
            findings.add(where, field, text, allowed)
    return tuple(texts)


def _is_prefix(text: str) -> bool:
    if text.lower() in ("*", "any", *(tag.lower() for tag in TAGS)):
        return True
    try:
        IPv4Network(text, strict=False)
    except ValueError:
        return False
    return True


def _ports(where: str, end: str, fields: Mapping[str, Any], findings: Findings) -> tuple[PortRange, ...]:
    field = f"{end}PortRange"
    ranges = []
    for text in _texts(where, field, f"{end}PortRanges", fields, findings):
        try:
            ranges.append(port_range(text))
        except ValueError:
            findings.add(where, field, text, "*, a port, or first-last within 0-65535")
    return tuple(ranges) or ANY_PORT


def dump_group(group: SecurityGroup) -> dict[str, Any]:
    """A security group in REST shape; `load_groups` reads it back as the same value."""
    rules = [{"name": rule.name, "properties": _dump_rule(rule)} for rule in group.rules]
    return {
        "id": group.id.text,
        "name": group.id.name,
        "type": GROUP_TYPE,
        "location": group.location,
        "properties": {"securityRules": rules},
    }


def _dump_rule(rule: SecurityRule) -> dict[str, Any]:
    described = {"description": rule.description} if rule.description else {}
    return {
        **described,
        "protocol": rule.protocol,
        "access": rule.access,
        "direction": rule.direction,
        "priority": rule.priority,
        **_plural("sourceAddressPrefix", "sourceAddressPrefixes", rule.source_prefixes),
        **_plural("sourcePortRange", "sourcePortRanges", [str(ports) for ports in rule.source_ports]),
        **_plural("destinationAddressPrefix", "destinationAddressPrefixes", rule.destination_prefixes),
        **_plural("destinationPortRange", "destinationPortRanges", [str(each) for each in rule.destination_ports]),
    }


def _plural(singular: str, plural: str, values: Sequence[str]) -> dict[str, Any]:
    return {singular: values[0]} if len(values) == 1 else {plural: list(values)}
