"""Decisions in the shapes of Network Watcher's answers, so that tools which read those can read ours.

https://learn.microsoft.com/rest/api/network-watcher, effective rules and routes as
https://learn.microsoft.com/rest/api/virtualnetwork/network-interfaces prints them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from emulator.model.network import Interface
from emulator.model.world import World
from emulator.reason import Outcome, Verdict
from emulator.rules import routes
from emulator.rules.effective import EffectiveGroup, EffectiveRule, effective_groups, ports
from emulator.rules.ends import End
from emulator.rules.ip_flow import IpFlow
from emulator.rules.legs import Leg, Path
from emulator.rules.routes import EffectiveRoute
from emulator.rules.tags import EVERYTHING

HOP_TYPES = {
    "microsoft.network/privateendpoints": "PrivateEndpoint",
    "microsoft.network/privatelinkservices": "PrivateLinkService",
    "microsoft.network/loadbalancers": "LoadBalancer",
    "microsoft.compute/virtualmachines": "VirtualMachine",
    "microsoft.network/networkinterfaces": "VirtualMachine",
    "microsoft.network/virtualnetworks/subnets": "VirtualNetwork",
}
ISSUE_TYPES = {"rule": "NetworkSecurityRule", "route": "UserDefinedRoute"}
"""Issue types of connection troubleshoot; the platform's own states are `Platform` there."""
Json = dict[str, Any]


def ip_flow(answer: IpFlow) -> Json:
    """IP flow verify's answer; the rule's name is absent where none matched (azure.md 2.9)."""
    return {"access": answer.access, **({"ruleName": answer.rule_name} if answer.rule_name else {})}


def connectivity(source: End, path: Path) -> Json:
    """Connection troubleshoot's answer, and beside it our own words: each leg with its verdict and reason."""
    hops = [_source(source), *(_hop(leg) for leg in path.legs)]
    for before, after in pairwise(hops):
        before["nextHopIds"] = [after["id"]]
    end = path.end()
    return {
        "hops": hops,
        "connectionStatus": "Connected" if path.carried else "Disconnected",
        "probesSent": 0,
        "probesFailed": 0,
        "sentence": str(end.verdict),
        "legs": [leg_json(leg) for leg in path.legs],
    }


def leg_json(leg: Leg) -> Json:
    """One leg in our own words."""
    reason = leg.verdict.reason
    return {
        "name": leg.name,
        "segment": leg.segment,
        "from": f"{leg.flow.source}:{leg.flow.source_port}",
        "to": f"{leg.flow.destination}:{leg.flow.destination_port}",
        "outcome": leg.verdict.outcome.value,
        "reason": {"kind": reason.kind, "id": reason.id, "name": reason.name},
        "sentence": leg.verdict.sentence,
        "checks": [_check(each) for each in leg.checks],
    }


def _check(verdict: Verdict) -> Json:
    reason = verdict.reason
    said = {"kind": reason.kind, "id": reason.id, "name": reason.name}
    return {"outcome": verdict.outcome.value, "reason": said, "sentence": verdict.sentence}


def _source(source: End) -> Json:
    resource = source.resource.text if source.resource else ""
    return _node("Source", str(source.address), resource, f"{source.name}@{source.address}")


def _hop(leg: Leg) -> Json:
    resource = leg.resource
    kind = HOP_TYPES.get(resource.type, "Destination") if resource else "Internet"
    node = _node(kind, str(leg.flow.destination), resource.text if resource else "", leg.name)
    node["issues"] = [] if leg.verdict.carried else [_issue(leg)]
    return node


def _node(kind: str, address: str, resource: str, name: str) -> Json:
    identity = str(uuid5(NAMESPACE_URL, f"{resource}|{name}|{address}"))
    return {"type": kind, "id": identity, "address": address, "resourceId": resource, "nextHopIds": [], "issues": []}


def _origin(leg: Leg) -> str:
    """Which way a packet went that was lost: a rule knows, and a route before any inbound rule is the source's."""
    if leg.verdict.reason.kind != "route":
        return leg.verdict.direction or "Inbound"
    return "Inbound" if any(each.direction == "Inbound" for each in leg.checks) else "Outbound"


def _issue(leg: Leg) -> Json:
    reason = leg.verdict.reason
    refused = leg.verdict.outcome is Outcome.REFUSED
    return {
        "origin": _origin(leg),
        "severity": "Error",
        "type": "Unknown" if refused else ISSUE_TYPES.get(reason.kind, "Platform"),
        "context": [{"key": "resourceId", "value": reason.id}, {"key": "name", "value": reason.name}],
    }


def effective(world: World, interface: Interface) -> Json:
    """What `az network nic list-effective-nsg` and `show-effective-route-table` print, for one interface.

    Raises:
        NotLoadedError: a group, the subnet or its route table was not loaded.
    """
    found = routes.effective_routes(world, interface.subnet)
    return {
        "networkInterface": {"id": interface.id.text},
        "effectiveNetworkSecurityGroups": {"value": [_group(each) for each in effective_groups(world, interface)]},
        "effectiveRoutes": {"value": [_route(each) for each in found]},
    }


def _group(group: EffectiveGroup) -> Json:
    return {
        "networkSecurityGroup": {"id": group.group.text},
        "association": {group.association: {"id": group.associated.text}},
        "effectiveSecurityRules": [_rule(each) for each in group.rules],
        "tagMap": _tag_map(group.rules),
    }


def _rule(effective: EffectiveRule) -> Json:
    rule = effective.rule
    found: Json = {"name": effective.name, "protocol": "All" if rule.protocol == "*" else rule.protocol}
    found |= _one_or_many("sourcePortRange", "sourcePortRanges", ports(rule.source_ports))
    found |= _one_or_many("destinationPortRange", "destinationPortRanges", ports(rule.destination_ports))
    for end, prefixes, expanded in (
        ("source", rule.source_prefixes, effective.expanded_source),
        ("destination", rule.destination_prefixes, effective.expanded_destination),
    ):
        written = [_prefix(each) for each in prefixes] or [str(each) for each in expanded]
        found |= _one_or_many(f"{end}AddressPrefix", f"{end}AddressPrefixes", written)
        if expanded:
            found[f"expanded{end.capitalize()}AddressPrefix"] = [str(each) for each in expanded]
    return found | {"access": rule.access, "priority": rule.priority, "direction": rule.direction}


def _prefix(text: str) -> str:
    if text.lower() in EVERYTHING:
        return "0.0.0.0/0"
    return text if "/" in text or text[0].isalpha() or ":" in text else f"{text}/32"


def _one_or_many(one: str, many: str, values: Sequence[str]) -> Json:
    if not values:
        return {}
    return {one: values[0]} if len(values) == 1 else {many: list(values)}


def _tag_map(rules: Sequence[EffectiveRule]) -> Json:
    """The ranges behind each tag that the rules name alone at an end."""
    found: Json = {}
    for each in rules:
        for prefixes, expanded in (
            (each.rule.source_prefixes, each.expanded_source),
            (each.rule.destination_prefixes, each.expanded_destination),
        ):
            if len(prefixes) == 1 and prefixes[0][0].isalpha() and expanded:
                found[prefixes[0]] = [str(network) for network in expanded]
    return found


def _route(route: EffectiveRoute) -> Json:
    return {
        **({"name": route.name} if route.name else {}),
        "source": route.source,
        "state": "Active" if route.active else "Invalid",
        "addressPrefix": [str(route.prefix)],
        "nextHopType": route.hop,
        "nextHopIpAddress": [str(route.address)] if route.address else [],
    }
