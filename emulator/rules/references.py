"""References that lead out of what was loaded: a warning each, until a path needs one."""

from collections.abc import Iterator

from emulator.model import arm
from emulator.model.ids import ResourceId
from emulator.model.world import World


def dangling(world: World) -> tuple[str, ...]:
    """A sentence for each reference to something that was not loaded."""
    known = set(_known(world))
    found = (
        f"{resource.id}: {field}: {target} was not loaded"
        for resource in world.resources
        for field, target in arm.references(resource)
        if target not in known
    )
    return tuple(dict.fromkeys(found))


def _known(world: World) -> Iterator[ResourceId]:
    for resource in world.resources:
        yield resource.id
    for network in world.networks:
        yield from (subnet.id for subnet in network.subnets)
    for balancer in world.balancers:
        for parts in (balancer.frontends, balancer.pools, balancer.probes, balancer.rules, balancer.nat_rules):
            yield from (part.id for part in parts)
    for interface in world.interfaces:
        yield from (interface.id.child("ipConfigurations", each.name) for each in interface.configurations)
    yield from (assignment.scope for assignment in world.assignments)  # scopes are groups and subscriptions
    yield from (assignment.role for assignment in world.assignments)  # built-in roles are nobody's to export
