"""The security rules that apply at an interface, group by group, with what their names mean there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, summarize_address_range
from typing import Literal

from emulator.model.ids import ResourceId
from emulator.model.network import AdminRule, Direction, Interface, SecurityGroup, SecurityRule
from emulator.model.ports import PortRange
from emulator.model.world import World
from emulator.rules import ranges, security
from emulator.rules.tags import EVERYTHING, Tags, UnknownTagError, tags_at

DIRECTIONS: tuple[Direction, ...] = ("Inbound", "Outbound")


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """One rule as it holds at an interface.

    Attributes:
        default: whether it is one of Azure's own.
        expanded_source: the ranges that tags and application security groups at its source stand for.
        expanded_destination: the same at its destination.
    """

    rule: SecurityRule | AdminRule
    default: bool
    expanded_source: tuple[IPv4Network, ...] = ()
    expanded_destination: tuple[IPv4Network, ...] = ()

    @property
    def name(self) -> str:
        """Its name as Azure's effective rules have it (azure.md 2.9)."""
        return f"{'defaultSecurityRules' if self.default else 'securityRules'}/{self.rule.name}"


@dataclass(frozen=True, slots=True)
class EffectiveGroup:
    """A security group at an interface, by its subnet or by itself, and its rules in the order they are tried.

    Security admin rules, which are tried before, stand as a group of their network manager's configuration.
    """

    group: ResourceId
    association: Literal["subnet", "networkInterface", "networkManager"]
    associated: ResourceId
    rules: tuple[EffectiveRule, ...]


def effective_groups(world: World, interface: Interface) -> Sequence[EffectiveGroup]:
    """What judges at an interface, in order: security admin rules, its subnet's group, its own.

    Raises:
        NotLoadedError: a group, the subnet or its route table was not loaded.
    """
    subnet = world.subnet(interface.subnet)
    tags = tags_at(world, subnet.id)
    found = list(_admin(world, tags))
    by_subnet, by_interface = world.group(subnet.group), world.group(interface.group)
    if by_subnet:
        found.append(EffectiveGroup(by_subnet.id, "subnet", subnet.id, tuple(_rules(by_subnet, tags))))
    if by_interface:
        rules = tuple(_rules(by_interface, tags))
        found.append(EffectiveGroup(by_interface.id, "networkInterface", interface.id, rules))
    return found


def _admin(world: World, tags: Tags) -> Iterator[EffectiveGroup]:
    """Security admin rules, a group for each configuration of a network manager."""
    for each in dict.fromkeys(rule.id.parent.parent for rule in world.admin_rules):
        ours = [rule for rule in world.admin_rules if rule.id.parent.parent == each]
        rules = sorted(ours, key=lambda rule: (DIRECTIONS.index(rule.direction), rule.priority))
        yield EffectiveGroup(each, "networkManager", each.parent, tuple(_of_admin(rule, tags) for rule in rules))


def _of_admin(rule: AdminRule, tags: Tags) -> EffectiveRule:
    source, destination = _expanded(rule.source_prefixes, (), tags), _expanded(rule.destination_prefixes, (), tags)
    return EffectiveRule(rule, default=False, expanded_source=source, expanded_destination=destination)


def _rules(group: SecurityGroup, tags: Tags) -> Iterator[EffectiveRule]:
    for direction in DIRECTIONS:
        for rule in security.ordered(group, direction):
            source = _expanded(rule.source_prefixes, rule.source_groups, tags)
            destination = _expanded(rule.destination_prefixes, rule.destination_groups, tags)
            yield EffectiveRule(rule, rule in security.DEFAULT_RULES, source, destination)


def _expanded(prefixes: Sequence[str], groups: Sequence[ResourceId], tags: Tags) -> tuple[IPv4Network, ...]:
    """The ranges behind names; none where an end is written in ranges alone, or a tag was not loaded."""
    named = [prefix for prefix in prefixes if prefix[0].isalpha() and prefix.lower() not in EVERYTHING]
    try:
        found = [each for group in groups for each in tags.members(group)]
        found += [each for prefix in named for each in tags.ranges(prefix)]
    except UnknownTagError:
        return ()
    return tuple(
        network
        for first, last in ranges.united(found)
        for network in summarize_address_range(IPv4Address(first), IPv4Address(last))
    )


def ports(given: Sequence[PortRange]) -> list[str]:
    """Ranges of ports as effective rules print them, always with both ends."""
    return [f"{each.first}-{each.last}" for each in given]
