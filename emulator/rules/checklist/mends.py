"""The commands that mend what an item found, in the words of the Azure CLI and with this world's names.

They are for pasting into a shell, and names come out of documents: every word is quoted.
"""

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network

from emulator.model.ids import ResourceId
from emulator.model.network import Direction, RouteTable, SecurityGroup, SecurityRule, Subnet, VirtualNetwork
from emulator.model.world import World
from emulator.reason import Verdict

LEAST, MOST, PREFERRED = 100, 4096, 400
"""Priorities that Azure takes, and the one of the documented rule."""
OPENINGS = 6
"""So many rules at most are asked for in one direction."""
ADMIN_RULE = "microsoft.network/networkmanagers/securityadminconfigurations/rulecollections/rules"


@dataclass(frozen=True, slots=True)
class Opening:
    """A rule that lets traffic of the channel through.

    Attributes:
        ports: as `60000-60001`, one or several.
        place: its place among those that may be asked for in its direction, from 0: each gets a priority of its own.
    """

    name: str
    direction: Direction
    source: str
    destination: str
    ports: tuple[str, ...]
    place: int


def az(*words: str) -> str:
    """A command of the Azure CLI."""
    return shlex.join(("az", *words))


def joined(commands: Iterable[str]) -> str:
    """Commands one after the other, each once."""
    return " && ".join(dict.fromkeys(command for command in commands if command))


def within(identity: ResourceId) -> tuple[str, ...]:
    """The options that say in which group and subscription something is."""
    return "-g", identity.resource_group, "--subscription", identity.subscription


def allow(world: World, denied: Verdict, opening: Opening) -> str:
    """The command that puts a rule before the one that denied, in the same group.

    Of security admin rules, which come before any group, it changes the rule itself.
    """
    identity = ResourceId(denied.reason.id)
    group: SecurityGroup | None = world.find("groups", identity)
    if group is None:
        return _admin(identity)
    before = _priority_of(group, denied.reason.name, opening.direction)
    priority = _free(group, opening, before)
    if priority is not None:
        return _create(group, opening, priority)
    return joined(_moved(group, opening, denied.reason.name, before))


def add(group: SecurityGroup, opening: Opening) -> str:
    """The command that adds a rule to a group, before the default rules."""
    return _create(group, opening, _free(group, opening, MOST + 1) or MOST)


def _priority_of(group: SecurityGroup, name: str, direction: Direction) -> int:
    """The priority of a group's rule; a default rule comes after every other."""
    ours = (rule for rule in group.rules if rule.direction == direction and rule.name == name)
    return next((rule.priority for rule in ours), MOST + 1)


def _free(group: SecurityGroup, opening: Opening, before: int) -> int | None:
    """A priority that is before another and nobody's, a different one for each opening; None where all are taken."""
    taken = {rule.priority for rule in _others(group, opening)}
    order = (*range(PREFERRED, before), *range(min(before, PREFERRED) - 1, LEAST - 1, -1))
    left = [each for each in order if each not in taken]
    chosen: int | None = None
    for place in range(opening.place + 1):
        if not left:
            return None
        wanted = PREFERRED + 10 * place
        chosen = wanted if wanted in left else left[0]
        left.remove(chosen)
    return chosen


def _others(group: SecurityGroup, opening: Opening) -> list[SecurityRule]:
    """The rules of the opening's direction, without the one that creating it would replace."""
    return [rule for rule in group.rules if rule.direction == opening.direction and rule.name != opening.name]


def _create(group: SecurityGroup, opening: Opening, priority: int) -> str:
    return az(
        *("network", "nsg", "rule", "create", *within(group.id), "--nsg-name", group.id.name, "-n", opening.name),
        *("--priority", str(priority), "--direction", opening.direction, "--access", "Allow", "--protocol", "Tcp"),
        *("--source-address-prefixes", opening.source, "--destination-address-prefixes", opening.destination),
        *("--destination-port-ranges", *opening.ports),
    )


def _moved(group: SecurityGroup, opening: Opening, name: str, before: int) -> Iterable[str]:
    """The denying rule moves behind the openings; where other rules leave no room for that, it goes."""
    rule = ("network", "nsg", "rule")
    where = (*within(group.id), "--nsg-name", group.id.name, "-n", name)
    behind = before + OPENINGS
    taken = {each.priority for each in _others(group, opening)} - {before}
    if behind > MOST or any(each in taken for each in range(before, behind + 1)):
        yield az(*rule, "delete", *where)
    else:
        yield az(*rule, "update", *where, "--priority", str(behind))
        yield _create(group, opening, before + opening.place)


def _admin(rule: ResourceId) -> str:
    """The rule of a network manager leaves the flow to the groups; `az network manager post-commit` deploys it."""
    collection = rule.parent
    return az(
        *("network", "manager", "security-admin-config", "rule-collection", "rule", "update", *within(rule)),
        *("--network-manager-name", collection.parent.parent.name, "--configuration-name", collection.parent.name),
        *("--rule-collection-name", collection.name, "--rule-name", rule.name, "--access", "Allow"),
    )


def route(world: World, lost: Verdict, target: IPv4Network, hop: str = "VnetLocal") -> str:
    """The command that leads a range where it is, beside or in place of the route that leads it away.

    What one of Azure's own routes loses is in none of the network's ranges: there it adds the range.
    """
    identity = ResourceId(lost.reason.id)
    table: RouteTable | None = world.find("route_tables", identity)
    if table is None:
        network = world.network_of(identity)
        return az(*_network_update(network), "--address-prefixes", *map(str, network.prefixes), str(target))
    inside = (each for each in table.routes if each.name == lost.reason.name and _within(each.prefix, target))
    own = (f"aib-{target.network_address}-{target.prefixlen}", str(target))
    name, prefix = next(((each.name, each.prefix) for each in inside), own)
    return az(
        *("network", "route-table", "route", "create", *within(identity), "--route-table-name", identity.name),
        *("-n", name, "--address-prefix", prefix, "--next-hop-type", hop),
    )


def _within(prefix: str, target: IPv4Network) -> bool:
    """Whether a route's prefix is the target or a part of it."""
    try:
        found = ip_network(prefix, strict=False)
    except ValueError:
        return False  # a service tag
    return isinstance(found, IPv4Network) and found.subnet_of(target)


def subnet(identity: ResourceId, *settings: str) -> str:
    """The command that changes a subnet."""
    network = identity.parent
    return az(
        *("network", "vnet", "subnet", "update", *within(identity)),
        *("--vnet-name", network.name, "-n", identity.name, *settings),
    )


def new_subnet(network: VirtualNetwork, name: str, *settings: str) -> str:
    """The command that adds a subnet with room for a build, in space of the network that no subnet has."""
    free = _free_block(network)
    room = [] if free else [az(*_network_update(network), "--address-prefixes", *_with_more(network))]
    prefix = free or IPv4Network(_with_more(network)[-1])
    create = az(
        *("network", "vnet", "subnet", "create", *within(network.id), "--vnet-name", network.id.name),
        *("-n", name, "--address-prefixes", str(prefix), *settings),
    )
    return joined([*room, create])


def _network_update(network: VirtualNetwork) -> tuple[str, ...]:
    return "network", "vnet", "update", *within(network.id), "-n", network.id.name


def _free_block(network: VirtualNetwork) -> IPv4Network | None:
    """The first block of 32 addresses in a network that overlaps none of its subnets."""
    used = [each for one in network.subnets for each in one.prefixes if isinstance(each, IPv4Network)]
    for prefix in network.prefixes:
        if isinstance(prefix, IPv4Network) and prefix.prefixlen <= 27:
            start = int(prefix.network_address)
            blocks = (IPv4Network((start + 32 * step, 27)) for step in range(min(prefix.num_addresses // 32, 4096)))
            found = next((each for each in blocks if not any(each.overlaps(one) for one in used)), None)
            if found:
                return found
    return None


def _with_more(network: VirtualNetwork) -> list[str]:
    """The network's ranges and one more: private space that it does not have."""
    ours = [each for each in network.prefixes if isinstance(each, IPv4Network)]
    candidates = (
        IPv4Network((int(IPv4Network("10.0.0.0/8").network_address) + (step << 8), 24)) for step in range(65536)
    )
    more = next(each for each in candidates if not any(each.overlaps(one) for one in ours))
    return [*map(str, network.prefixes), str(more)]


def nat_gateway(network: VirtualNetwork, home: Subnet) -> str:
    """The commands that give a subnet a NAT gateway."""
    name = f"ng-{home.id.name}"
    place = (*within(home.id), "--location", network.location)
    return joined(
        [
            az("network", "public-ip", "create", *place, "-n", f"{name}-ip", "--sku", "Standard"),
            az("network", "nat", "gateway", "create", *place, "-n", name, "--public-ip-addresses", f"{name}-ip"),
            subnet(home.id, "--nat-gateway", name),
        ]
    )


def assign(principal: str, role: str, scope: ResourceId | str) -> str:
    """The command that gives an identity a role."""
    who = ("--assignee-object-id", principal, "--assignee-principal-type", "ServicePrincipal")
    return az("role", "assignment", "create", *who, "--role", role, "--scope", str(scope))
