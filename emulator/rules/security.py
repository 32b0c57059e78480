"""Decide whether network security groups let a flow through.

Rules are tried in priority order and the first match wins; Azure's default rules sit at the end of every list,
so there is always a match. A flow between two machines is judged twice, outbound at its source and inbound at
its destination, each time by the group of the interface and the group of the subnet, and all must allow it, even
within one subnet (https://learn.microsoft.com/azure/virtual-network/network-security-group-how-it-works).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Access, Direction, Interface, SecurityGroup, SecurityRule
from emulator.model.world import PROBE_SOURCE, World
from emulator.reason import Outcome, Reason, Verdict


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

NOT_INTERNET = tuple(
    IPv4Network(prefix)
    for prefix in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8")
)
"""Private space: outside a virtual network it is neither `VirtualNetwork` nor `Internet`."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What the service tags mean for one virtual network.

    `VirtualNetwork` contains the host's address 168.63.129.16
    (https://learn.microsoft.com/azure/virtual-network/service-tags-overview), so that a rule denying the tag
    also stops health probes.
    """

    network: tuple[IPv4Network, ...]

    def contains(self, prefix: str, address: IPv4Address) -> bool:
        """Whether `address` is within a rule's prefix: `*`, a tag, an address or a range."""
        tag = prefix.lower()
        if tag in ("*", "any", "0.0.0.0/0"):
            return True
        if tag == "virtualnetwork":
            return self._is_network(address)
        if tag == "azureloadbalancer":
            return address == PROBE_SOURCE
        if tag == "internet":
            return not self._is_network(address) and not any(address in net for net in NOT_INTERNET)
        return address in IPv4Network(prefix, strict=False)

    def _is_network(self, address: IPv4Address) -> bool:
        return address == PROBE_SOURCE or any(address in prefix for prefix in self.network)


def matches(rule: SecurityRule, flow: Flow, tags: Tags) -> bool:
    """Whether a rule speaks about a flow, its direction apart."""
    return (
        rule.protocol in ("*", flow.protocol.name.capitalize())
        and any(flow.destination_port in ports for ports in rule.destination_ports)
        and any(flow.source_port in ports for ports in rule.source_ports)
        and any(tags.contains(prefix, flow.source) for prefix in rule.source_prefixes)
        and any(tags.contains(prefix, flow.destination) for prefix in rule.destination_prefixes)
    )


def first_match(group: SecurityGroup, direction: Direction, flow: Flow, tags: Tags) -> SecurityRule:
    """The rule that decides; there is always one, since the default rules match everything."""
    rules = (rule for rule in (*group.rules, *DEFAULT_RULES) if rule.direction == direction)
    return next(rule for rule in sorted(rules, key=lambda rule: rule.priority) if matches(rule, flow, tags))


def evaluate(group: SecurityGroup, direction: Direction, flow: Flow, tags: Tags) -> Verdict:
    """One group's verdict on a flow in one direction, with its rule."""
    rule = first_match(group, direction, flow, tags)
    allowed = rule.access == "Allow"
    word = "allowed" if allowed else "denied"
    return Verdict(
        Outcome.CARRIED if allowed else Outcome.DROPPED,
        Reason("rule", group.id.text, rule.name),
        f"{flow} is {word} {direction.lower()} by rule {rule.name} "
        f"(priority {rule.priority}) of security group {group.id.name}",
    )


def at_interface(world: World, interface: Interface, direction: Direction, flow: Flow) -> Verdict:
    """What the groups at an interface say: inbound subnet then interface, outbound interface then subnet."""
    tags = Tags(world.network_of(interface.subnet).prefixes)
    verdict = Verdict(
        Outcome.CARRIED,
        Reason("state", interface.id.text, "NoSecurityGroup"),
        f"{flow} meets no security group at {interface.id.name}",
    )
    for group in groups_at(world, interface, direction):
        verdict = evaluate(group, direction, flow, tags)
        if not verdict.carried:
            return verdict
    return verdict


def groups_at(world: World, interface: Interface, direction: Direction) -> Iterator[SecurityGroup]:
    """The groups that judge a direction at an interface, in Azure's order."""
    order: list[ResourceId | None] = [world.subnet(interface.subnet).group, interface.group]
    for found in order if direction == "Inbound" else reversed(order):
        group = world.group(found)
        if group is not None:
            yield group


def between(world: World, source: Interface, destination: Interface, flow: Flow) -> Verdict:
    """Outbound at the source, then inbound at the destination."""
    verdict = at_interface(world, source, "Outbound", flow)
    return at_interface(world, destination, "Inbound", flow) if verdict.carried else verdict
