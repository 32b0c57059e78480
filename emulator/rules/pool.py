"""Who is in a load balancer's backend pools, and who of them takes new flows."""

from dataclasses import dataclass

from emulator.errors import NotLoadedError
from emulator.model.balancer import AdminState, BalancingRule, LoadBalancer, OutboundRule, Pool
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.world import World


@dataclass(frozen=True, slots=True)
class Backend:
    """An interface in a pool, and what the operator says of it."""

    interface: ResourceId
    admin_state: AdminState = "None"


Up = frozenset[tuple[ResourceId, ResourceId]]
"""Pairs of probe and interface that the balancer believes to be up."""


def backends(world: World, balancer: LoadBalancer, rule: BalancingRule | None = None) -> tuple[Backend, ...]:
    """The members of a rule's pools (of every pool without a rule), in order, each once."""
    wanted = rule.pools if rule else tuple(each.id for each in balancer.pools)
    return world.remembered(("backends", balancer.id, wanted), lambda: _backends(world, balancer, wanted))


def _backends(world: World, balancer: LoadBalancer, wanted: tuple[ResourceId, ...]) -> tuple[Backend, ...]:
    found: dict[ResourceId, Backend] = {}
    for each in balancer.pools:
        if each.id in wanted:
            named = _named(each)
            for interface in world.interfaces:
                if _names(interface, each, named) or _has_address(interface, each, world):
                    found.setdefault(interface.id, Backend(interface.id, _admin_state(interface, each)))
    return tuple(found.values())


def unloaded(world: World, balancer: LoadBalancer, rule: BalancingRule) -> tuple[str, ...]:
    """The members of a rule's pools that were not loaded: IDs of interfaces, and addresses that none has."""
    wanted = [each for each in balancer.pools if each.id in rule.pools]
    nics = [nic for each in wanted for nic in _named(each) if world.find("interfaces", nic) is None]
    addresses = [one.address for each in wanted for one in each.addresses if one.address]
    return (*sorted(nic.text for nic in nics), *(str(each) for each in addresses if not world.holders(each)))


def _named(pool: Pool) -> frozenset[ResourceId]:
    """The interfaces whose configurations a pool names: a set, for pools and networks of thousands."""
    return frozenset(each.parent for each in pool.configurations)


def _names(interface: Interface, wanted: Pool, named: frozenset[ResourceId]) -> bool:
    """Either side may say so: the pool names the interface's configuration, or that the pool."""
    return interface.id in named or any(wanted.id in each.pools for each in interface.configurations)


def _has_address(interface: Interface, wanted: Pool, world: World) -> bool:
    return any(_is_at(interface, each.address, each.network, world) for each in wanted.addresses if each.address)


def _is_at(interface: Interface, address: object, network: ResourceId | None, world: World) -> bool:
    held = next((each for each in interface.configurations if each.address == address), None)
    if held is None or held.subnet is None:
        return False
    return network is None or (world.has_subnet(held.subnet) and world.network_of(held.subnet).id == network)


def _admin_state(interface: Interface, wanted: Pool) -> AdminState:
    for each in wanted.addresses:
        by_configuration = each.configuration is not None and each.configuration.parent == interface.id
        if by_configuration or (each.address is not None and interface.holds(each.address)):
            return each.admin_state
    return "None"


def eligible(world: World, balancer: LoadBalancer, rule: BalancingRule, up: Up) -> tuple[ResourceId, ...]:
    """The interfaces that take new flows of a rule; one that was not loaded might be the one that a flow goes to.

    A member is ready when its probe is up or the operator says Up, and never when the operator says Down; a rule
    without a probe takes every member; `AllProbedUp` sends to all when none is up (azure.md 3.4, 3.5).

    Raises:
        NotLoadedError: a member of the rule's pools was not loaded.
    """
    missing = unloaded(world, balancer, rule)
    if missing:
        raise NotLoadedError(
            f"rule {rule.id.name} of load balancer {balancer.id.name} sends to a pool with {', '.join(missing)}, "
            "which was not loaded"
        )
    members = backends(world, balancer, rule)
    probe = balancer.probe_of(rule)
    if probe is None:
        return tuple(each.interface for each in members if each.admin_state != "Down")
    ready = tuple(each.interface for each in members if _is_ready(each, probe.id, up))
    if not ready and probe.all_down == "AllProbedUp":
        return tuple(each.interface for each in members if each.admin_state != "Down")
    return ready


def _is_ready(backend: Backend, probe: ResourceId, up: Up) -> bool:
    if backend.admin_state != "None":
        return backend.admin_state == "Up"
    return (probe, backend.interface) in up


def balancers_of(world: World, interface: Interface) -> tuple[LoadBalancer, ...]:
    """The load balancers that have an interface (not only its address) in a pool."""
    return tuple(
        balancer
        for balancer in world.balancers
        if any(_names(interface, each, _named(each)) for each in balancer.pools)
    )


def outbound_rule(balancer: LoadBalancer, interface: Interface) -> OutboundRule | None:
    """The outbound rule that serves an interface's pool."""
    named = {each.id for each in balancer.pools if _names(interface, each, _named(each))}
    return next((rule for rule in balancer.outbound_rules if rule.pool in named), None)


def outbound_snat(balancer: LoadBalancer, interface: Interface) -> BalancingRule | None:
    """The balancing rule by whose public frontend an interface reaches the Internet, unless it says not to.

    https://learn.microsoft.com/azure/load-balancer/load-balancer-outbound-connections
    """
    public = {each.id for each in balancer.frontends if each.public_ip}
    named = {each.id for each in balancer.pools if _names(interface, each, _named(each))}
    ours = (rule for rule in balancer.rules if rule.frontend in public and named & set(rule.pools))
    return next((rule for rule in ours if not rule.disable_outbound_snat), None)
