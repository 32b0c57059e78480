"""Decide whether network security groups let a flow through.

Rules are tried in priority order and the first match wins; Azure's default rules sit at the end of every list,
so there is always a match. A flow between two machines is judged twice, outbound at its source and inbound at
its destination, each time by the group of the interface and the group of the subnet, and all must allow it, even
within one subnet (https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works).
Security admin rules come before any group (https://learn.microsoft.com/azure/virtual-network-manager/concept-security-admins).
"""

from collections.abc import Iterator
from ipaddress import IPv4Address

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Access, AdminRule, Direction, Interface, SecurityGroup, SecurityRule
from emulator.model.world import PROBE_SOURCE, World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules.matching import Classifier
from emulator.rules.tags import Tags, tags_at

METADATA_SERVICE = IPv4Address("169.254.169.254")
HOST_SERVICES = {53: "azureplatformdns", 1688: "azureplatformlkm"}
"""The services of the host's address that a tag of their own can deny: DNS, and licensing by port 1688
(https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#azure-platform-considerations)."""


def _default(name: str, priority: int, access: Access, source: str, destination: str) -> SecurityRule:
    direction: Direction = "Inbound" if name.lower().endswith("inbound") else "Outbound"
    return SecurityRule(
        name, priority, direction, access, source_prefixes=(source,), destination_prefixes=(destination,)
    )


DEFAULT_RULES = (
    _default("AllowVnetInBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowAzureLoadBalancerInBound", 65001, "Allow", "AzureLoadBalancer", "*"),
    _default("DenyAllInBound", 65500, "Deny", "*", "*"),
    _default("AllowVnetOutBound", 65000, "Allow", "VirtualNetwork", "VirtualNetwork"),
    _default("AllowInternetOutBound", 65001, "Allow", "*", "Internet"),
    _default("DenyAllOutBound", 65500, "Deny", "*", "*"),
)
"""https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview#default-security-rules"""


def ordered(group: SecurityGroup, direction: Direction) -> tuple[SecurityRule, ...]:
    """The rules of a group for one direction in the order in which they are tried, Azure's own last."""
    ours = (rule for rule in (*group.rules, *DEFAULT_RULES) if rule.direction == direction)
    return tuple(sorted(ours, key=lambda rule: rule.priority))


def first_match(group: SecurityGroup, direction: Direction, flow: Flow, tags: Tags) -> SecurityRule:
    """The rule that decides; there is always one, since the default rules match everything."""
    return _decided(Classifier(ordered(group, direction), tags), flow)


def _decided(rules: Classifier[SecurityRule], flow: Flow) -> SecurityRule:
    found = rules.first(flow)
    if found is None:
        raise AssertionError("a rule list ends with the default rules, which match everything")
    return found


def evaluate(group: SecurityGroup, direction: Direction, flow: Flow, tags: Tags) -> Verdict:
    """One group's verdict on a flow in one direction, with its rule."""
    return verdict_of(group, Classifier(ordered(group, direction), tags), direction, flow)


def at_group(world: World, group: SecurityGroup, subnet: ResourceId, direction: Direction, flow: Flow) -> Verdict:
    """The verdict of a group as it stands at a subnet; its rules are made ready once for a world.

    Raises:
        NotLoadedError: what a rule names was not loaded, and the verdict hangs on it.
    """
    rules = world.remembered(
        ("rules", group.id, subnet, direction),
        lambda: Classifier(ordered(group, direction), tags_at(world, subnet)),
    )
    return verdict_of(group, rules, direction, flow)


def verdict_of(group: SecurityGroup, rules: Classifier[SecurityRule], direction: Direction, flow: Flow) -> Verdict:
    """The verdict of a group's rules, made ready, with the one that decided."""
    return _said(group, _decided(rules, flow), direction, flow)


def _said(group: SecurityGroup, rule: SecurityRule, direction: Direction, flow: Flow) -> Verdict:
    allowed = rule.access == "Allow"
    word = "allowed" if allowed else "denied"
    return Verdict(
        Outcome.CARRIED if allowed else Outcome.DROPPED,
        Reason("rule", group.id.text, rule.name),
        f"{flow} is {word} {direction.lower()} by rule {rule.name} "
        f"(priority {rule.priority}) of security group {group.id.name}",
        direction,
    )


def at_interface(world: World, interface: Interface, direction: Direction, flow: Flow) -> Verdict:
    """What the groups at an interface say: inbound subnet then interface, outbound interface then subnet.

    Raises:
        NotLoadedError: a group, or what a rule names, was not loaded, and the verdict hangs on it.
    """
    subnet = subnet_of(interface, flow.destination if direction == "Inbound" else flow.source)
    platform = _platform(world, interface, direction, flow)
    settled = platform or _by_admin(world, subnet, direction, flow)
    if settled is not None:
        return settled
    verdict = Verdict(
        Outcome.CARRIED,
        Reason("state", interface.id.text, "NoSecurityGroup"),
        f"{flow} meets no security group at {interface.id.name}",
        direction,
    )
    for group in groups_at(world, interface, direction, subnet):
        verdict = at_group(world, group, subnet, direction, flow)
        if not verdict.carried:
            return verdict
    return verdict


def subnet_of(interface: Interface, address: IPv4Address) -> ResourceId:
    """The subnet of the configuration that has an address; of the primary one where none has it."""
    found = next((each.subnet for each in interface.configurations if each.address == address), None)
    return found or interface.subnet


def at_subnet(world: World, subnet: ResourceId, direction: Direction, flow: Flow) -> Verdict | None:
    """What admin rules and the group of a subnet say to an address in it; None where there are none."""
    settled = _by_admin(world, subnet, direction, flow)
    if settled is not None:
        return settled
    group = world.group(world.subnet(subnet).group)
    return at_group(world, group, subnet, direction, flow) if group else None


def groups_at(
    world: World, interface: Interface, direction: Direction, subnet: ResourceId | None = None
) -> Iterator[SecurityGroup]:
    """The groups that judge a direction at an interface, in Azure's order."""
    order = [world.subnet(subnet or interface.subnet).group, interface.group]
    for found in order if direction == "Inbound" else reversed(order):
        group = world.group(found)
        if group is not None:
            yield group


def between(world: World, source: Interface, destination: Interface, flow: Flow) -> Verdict:
    """Outbound at the source, then inbound at the destination."""
    verdict = at_interface(world, source, "Outbound", flow)
    return at_interface(world, destination, "Inbound", flow) if verdict.carried else verdict


def _platform(world: World, interface: Interface, direction: Direction, flow: Flow) -> Verdict | None:
    """The platform's own services pass every group, but for rules that name their tag (azure.md 2.3).

    A tag is for its service alone: a denial of licensing or DNS does not touch the agent's or another's traffic.
    """
    if direction == "Inbound" or flow.destination not in (PROBE_SOURCE, METADATA_SERVICE):
        return None
    subnet = subnet_of(interface, flow.source)
    for group in groups_at(world, interface, direction, subnet):
        rule = Classifier(_of_service(group, flow), tags_at(world, subnet)).first(flow)
        if rule is not None and rule.access == "Deny":
            return _said(group, rule, direction, flow)
    sentence = f"{flow} is the platform's own service, which security groups do not filter"
    return Verdict(Outcome.CARRIED, Reason("state", interface.id.text, "PlatformService"), sentence)


def _of_service(group: SecurityGroup, flow: Flow) -> tuple[SecurityRule, ...]:
    """The rules that name the tag of the platform's service that a flow is for, in order."""
    tag = HOST_SERVICES.get(flow.destination_port) if flow.destination == PROBE_SOURCE else "azureplatformimds"
    rules = ordered(group, "Outbound") if tag else ()
    return tuple(rule for rule in rules if tag in {each.lower() for each in rule.destination_prefixes})


def _by_admin(world: World, subnet: ResourceId, direction: Direction, flow: Flow) -> Verdict | None:
    """The verdict of security admin rules; None where they leave it to the groups."""
    if not world.admin_rules:
        return None
    rules = world.remembered(("admin", subnet, direction), lambda: _admin(world, subnet, direction))
    rule = rules.first(flow)
    if rule is None or rule.access == "Allow":
        return None
    allowed = rule.access == "AlwaysAllow"
    word = "always allowed" if allowed else "denied"
    sentence = f"{flow} is {word} {direction.lower()} by security admin rule {rule.name} (priority {rule.priority})"
    outcome = Outcome.CARRIED if allowed else Outcome.DROPPED
    return Verdict(outcome, Reason("rule", rule.id.text, rule.name), sentence, direction)


def _admin(world: World, subnet: ResourceId, direction: Direction) -> Classifier[AdminRule]:
    ours = (rule for rule in world.admin_rules if rule.direction == direction)
    return Classifier(tuple(sorted(ours, key=lambda rule: rule.priority)), tags_at(world, subnet))
