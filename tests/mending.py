"""What the Azure CLI would make of a world: enough of it to try the commands that the checklist gives.

`mended(world, finding)` is the world after the finding's command; `finding(world, name)` the one of an item.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

from emulator.model.access import RoleAssignment
from emulator.model.balancer import BalancingRule, LoadBalancer, Probe
from emulator.model.ids import ResourceId
from emulator.model.network import NextHop, Route, RouteTable, SecurityGroup, SecurityRule, Subnet, VirtualNetwork
from emulator.model.ports import port_range
from emulator.model.world import World
from emulator.rules.checklist import Finding
from emulator.rules.checklist.registry import ITEMS

Options = Mapping[str, Sequence[str]]
HOPS: dict[str, NextHop] = {"VnetLocal": "VnetLocal", "Internet": "Internet"}


def findings_of(found: World, name: str) -> list[Finding]:
    """What one item of the checklist says of a world."""
    (item,) = (each for each in ITEMS if each.name == name)
    return list(item.findings(found))


def finding(found: World, name: str) -> Finding:
    """The one finding of an item."""
    (only,) = findings_of(found, name)
    return only


def states(found: World, name: str) -> list[str]:
    """The states of an item's findings."""
    return [each.state for each in findings_of(found, name)]


def mended(found: World, finding: Finding) -> World:
    """The world after a finding's command; the same where it has none."""
    commands: list[list[str]] = [[]]
    for word in shlex.split(finding.mend):
        if word == "&&":
            commands.append([])
        else:
            commands[-1].append(word)
    for command in commands:
        found = _run(found, command) if command else found
    return found


def _run(found: World, command: list[str]) -> World:
    assert command[0] == "az"
    path = " ".join(_until_option(command[1:]))
    options: dict[str, list[str]] = {}
    for word in command[1 + len(path.split()) :]:
        if word.startswith("-"):
            key = word
            options[key] = []
        else:
            options[key].append(word)
    return COMMANDS[path](found, options)


def _until_option(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        if word.startswith("-"):
            return
        yield word


def one(options: Options, key: str) -> str:
    """The one value of an option."""
    (value,) = options[key]
    return value


def resource(options: Options, kind: str, name: str) -> ResourceId:
    """The ID of a resource in the group and subscription of a command."""
    scope = f"/subscriptions/{one(options, '--subscription')}/resourceGroups/{one(options, '-g')}"
    return ResourceId(f"{scope}/providers/Microsoft.{kind}/{name}")


def _group(found: World, options: Options) -> SecurityGroup:
    group = found.group(resource(options, "Network/networkSecurityGroups", one(options, "--nsg-name")))
    assert group
    return group


def _with_rules(found: World, group: SecurityGroup, rules: Iterable[SecurityRule]) -> World:
    """A group with other rules; Azure takes no priority twice in one direction."""
    new = tuple(rules)
    assert len({(rule.direction, rule.priority) for rule in new}) == len(new)
    return found.laid(replace(group, rules=new))


def _create_rule(found: World, options: Options) -> World:
    group, name = _group(found, options), one(options, "-n")
    priority = int(one(options, "--priority"))
    assert 100 <= priority <= 4096
    rule = SecurityRule(
        name=name,
        priority=priority,
        direction="Inbound" if one(options, "--direction") == "Inbound" else "Outbound",
        access="Allow",
        protocol="Tcp",
        source_prefixes=tuple(options["--source-address-prefixes"]),
        destination_prefixes=tuple(options["--destination-address-prefixes"]),
        destination_ports=tuple(port_range(each) for each in options["--destination-port-ranges"]),
    )
    return _with_rules(found, group, (*(each for each in group.rules if each.name != name), rule))


def _update_rule(found: World, options: Options) -> World:
    group, name = _group(found, options), one(options, "-n")
    priority = int(one(options, "--priority"))
    changed = [replace(each, priority=priority) if each.name == name else each for each in group.rules]
    return _with_rules(found, group, changed)


def _delete_rule(found: World, options: Options) -> World:
    group = _group(found, options)
    return _with_rules(found, group, [each for each in group.rules if each.name != one(options, "-n")])


def _create_route(found: World, options: Options) -> World:
    table = found.route_table(resource(options, "Network/routeTables", one(options, "--route-table-name")))
    assert isinstance(table, RouteTable)
    name = one(options, "-n")
    route = Route(name, one(options, "--address-prefix"), HOPS[one(options, "--next-hop-type")])
    others = [each for each in table.routes if each.name != name]
    assert route.prefix not in {each.prefix for each in others}
    return found.laid(replace(table, routes=(*others, route)))


def _network(found: World, options: Options, name: str) -> VirtualNetwork:
    network = found.find("networks", resource(options, "Network/virtualNetworks", name))
    assert isinstance(network, VirtualNetwork)
    return network


def _update_subnet(found: World, options: Options) -> World:
    network = _network(found, options, one(options, "--vnet-name"))
    wanted = network.id.child("subnets", one(options, "-n"))
    changes: dict[str, Any] = {}
    if "--private-link-service-network-policies" in options:
        changes["private_link_service_policies"] = one(options, "--private-link-service-network-policies")
    if "--delegations" in options:
        changes["delegations"] = tuple(options["--delegations"])
    if "--nat-gateway" in options:
        changes["nat_gateway"] = resource(options, "Network/natGateways", one(options, "--nat-gateway"))
    assert changes
    assert wanted in {each.id for each in network.subnets}
    subnets = tuple(replace(each, **changes) if each.id == wanted else each for each in network.subnets)
    return found.laid(replace(network, subnets=subnets))


def _create_subnet(found: World, options: Options) -> World:
    network = _network(found, options, one(options, "--vnet-name"))
    prefixes = tuple(ip_network(each) for each in options["--address-prefixes"])
    assert not [each for each in network.subnets for prefix in each.prefixes if prefix.overlaps(prefixes[0])]
    assert [each for each in network.prefixes if prefixes[0].network_address in each]
    subnet = Subnet(network.id.child("subnets", one(options, "-n")), prefixes)
    return found.laid(replace(network, subnets=(*network.subnets, subnet)))


def _update_network(found: World, options: Options) -> World:
    network = _network(found, options, one(options, "-n"))
    prefixes = tuple(ip_network(each) for each in options["--address-prefixes"])
    assert not [1 for a in prefixes for b in prefixes if a is not b and a.overlaps(b)]
    return found.laid(replace(network, prefixes=prefixes))


def _balancer(found: World, options: Options) -> LoadBalancer:
    balancer = found.find("balancers", resource(options, "Network/loadBalancers", one(options, "--lb-name")))
    assert isinstance(balancer, LoadBalancer)
    return balancer


def _create_balancing_rule(found: World, options: Options) -> World:
    balancer = _balancer(found, options)
    probe = balancer.id.child("probes", one(options, "--probe-name")) if "--probe-name" in options else None
    rule = BalancingRule(
        balancer.id.child("loadBalancingRules", one(options, "-n")),
        int(one(options, "--frontend-port")),
        int(one(options, "--backend-port")),
        probe,
        balancer.id.child("frontendIPConfigurations", one(options, "--frontend-ip-name")),
        (balancer.id.child("backendAddressPools", one(options, "--backend-pool-name")),),
    )
    return found.laid(replace(balancer, rules=(*balancer.rules, rule)))


def _update_balancing_rule(found: World, options: Options) -> World:
    balancer = _balancer(found, options)
    changes: dict[str, Any] = {}
    if "--probe-name" in options:
        changes["probe"] = balancer.id.child("probes", one(options, "--probe-name"))
    if "--enable-floating-ip" in options:
        changes["floating_ip"] = one(options, "--enable-floating-ip") == "true"
    if "--backend-port" in options:
        changes["backend_port"] = int(one(options, "--backend-port"))
    rules = [replace(each, **changes) if each.id.name == one(options, "-n") else each for each in balancer.rules]
    return found.laid(replace(balancer, rules=tuple(rules)))


def _create_probe(found: World, options: Options) -> World:
    balancer = _balancer(found, options)
    probe = Probe(balancer.id.child("probes", one(options, "-n")), int(one(options, "--port")))
    others = [each for each in balancer.probes if each.id != probe.id]
    return found.laid(replace(balancer, probes=(*others, probe)))


def _join_pool(found: World, options: Options) -> World:
    balancer = _balancer(found, options)
    nic = found.interface(resource(options, "Network/networkInterfaces", one(options, "--nic-name")))
    pool = balancer.id.child("backendAddressPools", one(options, "--address-pool"))
    name = one(options, "--ip-config-name")
    assert name in {each.name for each in nic.configurations}
    changed = [replace(each, pools=(*each.pools, pool)) if each.name == name else each for each in nic.configurations]
    return found.laid(replace(nic, configurations=tuple(changed)))


def _update_service(found: World, options: Options) -> World:
    service = found.find("services", ResourceId(one(options, "--ids")))
    if "--enable-proxy-protocol" in options:
        service = replace(service, proxy_protocol=one(options, "--enable-proxy-protocol") == "true")
    if "--visibility" in options:
        service = replace(service, visibility=tuple(options["--visibility"]))
    return found.laid(service)


def _approve(found: World, options: Options) -> World:
    wanted = ResourceId(one(options, "--id"))
    service = found.service
    endpoint = found.endpoint
    assert service
    assert endpoint
    assert wanted in {each.id for each in service.connections}
    theirs = [replace(each, state="Approved") if each.id == wanted else each for each in service.connections]
    own = tuple(replace(each, state="Approved") for each in endpoint.connections)
    return found.laid(replace(service, connections=tuple(theirs)), replace(endpoint, connections=own))


def _assign(found: World, options: Options) -> World:
    role = next(
        (each.id for each in found.roles if each.role_name == one(options, "--role")),
        ResourceId(f"/providers/Microsoft.Authorization/roleDefinitions/{BUILT_IN.get(one(options, '--role'))}"),
    )
    principal = one(options, "--assignee-object-id")
    assignment = RoleAssignment(ResourceId("/new"), principal, role, ResourceId(one(options, "--scope")))
    return found.laid(assignment)


BUILT_IN = {
    "Network Contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Managed Identity Operator": "f1a07417-d97a-45cb-824c-7a7467783830",
}


def _leave_to_groups(found: World, options: Options) -> World:
    scope = resource(options, "Network/networkManagers", one(options, "--network-manager-name"))
    scope = scope.child("securityAdminConfigurations", one(options, "--configuration-name"))
    scope = scope.child("ruleCollections", one(options, "--rule-collection-name"))
    rule = found.find("admin_rules", scope.child("rules", one(options, "--rule-name")))
    return found.laid(replace(rule, access=one(options, "--access")))


def _nothing(found: World, options: Options) -> World:
    """What the command makes is nothing that a decision reads."""
    return found


COMMANDS: Mapping[str, Callable[[World, Options], World]] = {
    "network nsg rule create": _create_rule,
    "network nsg rule update": _update_rule,
    "network nsg rule delete": _delete_rule,
    "network route-table route create": _create_route,
    "network vnet update": _update_network,
    "network vnet subnet update": _update_subnet,
    "network vnet subnet create": _create_subnet,
    "network public-ip create": _nothing,
    "network nat gateway create": _nothing,
    "network lb rule create": _create_balancing_rule,
    "network lb rule update": _update_balancing_rule,
    "network lb probe create": _create_probe,
    "network nic ip-config address-pool add": _join_pool,
    "network private-link-service update": _update_service,
    "network private-endpoint-connection approve": _approve,
    "network manager security-admin-config rule-collection rule update": _leave_to_groups,
    "role assignment create": _assign,
}
