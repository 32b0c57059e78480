"""Who is in a load balancer's backend pools, and who of them takes new flows."""

from dataclasses import dataclass

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
            for interface in world.interfaces:
                if _is_in(interface, each, world):
                    found.setdefault(interface.id, Backend(interface.id, _admin_state(interface, each)))
    return tuple(found.values())


def _is_in(interface: Interface, wanted: Pool, world: World) -> bool:
    """Either side may say so: the interface names the pool, the pool the configuration or its address."""
    if any(wanted.id in each.pools for each in interface.configurations):
        return True
    if any(each.parent == interface.id for each in wanted.configurations):
        return True
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
    """The interfaces that take new flows of a rule.

    A member is ready when its probe is up or the operator says Up, and never when the operator says Down; a rule
    without a probe takes every member; `AllProbedUp` sends to all when none is up (azure.md 3.4, 3.5).
    """
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
        if any(_is_in(interface, Pool(each.id, each.configurations), world) for each in balancer.pools)
    )


def outbound_rule(balancer: LoadBalancer, interface: Interface) -> OutboundRule | None:
    """The outbound rule that serves an interface's pool."""
    named = {found for each in interface.configurations for found in each.pools}
    for each in balancer.pools:
        if any(one.parent == interface.id for one in each.configurations):
            named.add(each.id)
    return next((rule for rule in balancer.outbound_rules if rule.pool in named), None)
