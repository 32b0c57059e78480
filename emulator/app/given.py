"""Resources as callers give them (values, or JSON in any of Azure's shapes), laid over a world that is played."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.arm import Loaded
from emulator.model.ids import ResourceId
from emulator.model.network import SecurityGroup
from emulator.model.resources import COLLECTIONS, Resource
from emulator.model.world import World
from emulator.rules import approval
from emulator.rules.contradictions import deployable

NOTHING_STAGED: Mapping[ResourceId, Resource] = {}
One = Resource | Mapping[str, Any]
Given = One | Iterable[One]
"""One resource or several, each a value of `emulator.model` or a JSON object."""
Resources = Path | str | Given | Iterable[Path | str | One]
"""The same, and paths of files and folders of Azure JSON."""


def apart(given: Resources) -> tuple[list[Path | str], list[One]]:
    """The paths among resources, and the others."""
    items = _items(given)
    paths = [each for each in items if isinstance(each, (str, Path))]
    return paths, [each for each in items if not isinstance(each, (str, Path))]


def _items(given: Resources) -> list[Path | str | One]:
    single = isinstance(given, (str, Path, Mapping, *COLLECTIONS))
    return [cast("Path | str | One", given)] if single else list(cast("Iterable[Path | str | One]", given))


def read(given: Given, over: Iterable[Resource] = ()) -> Loaded:
    """The resources that were given; parts that stand alone (a rule) join their wholes in `over`.

    Raises:
        InvalidInputError: with every finding, one a line.
    """
    items: list[Any] = _items(given)
    values = tuple(item for item in items if not isinstance(item, Mapping))
    loaded = arm.load([("resource", item) for item in items if isinstance(item, Mapping)], (*over, *values))
    return Loaded((*values, *loaded.resources), loaded.warnings)


def laid_over(
    world: World, given: Given, staged: Mapping[ResourceId, Resource] = NOTHING_STAGED
) -> tuple[World, tuple[Resource, ...]]:
    """A running world with resources laid over it, and those resources; `staged` are those of image builds.

    Raises:
        InvalidInputError: a resource is wrong, changes nothing, is a build's, or moves a hop to another address,
            which only a start does.
    """
    resources = tuple(_not_staged(read(given, (*world.resources, *staged.values())).resources, staged))
    changed = approval.followed(world, deployable(world.laid(*resources)))
    for resource in resources:
        if isinstance(resource, SecurityGroup) and world.find("groups", resource.id) != resource:
            _must_be_attached(changed, resource)
    before, after = dict(places(world)), dict(places(changed))
    for name, address in after.items():
        if before.get(name) != address:
            raise InvalidInputError(
                f"resource: the address of {name}: found {address}, expected {before.get(name, 'none')}: hops keep "
                "their addresses while they run; `resources` in the settings takes effect at a start"
            )
    _must_be_playable(changed)
    return changed, resources


def _not_staged(resources: Iterable[Resource], staged: Mapping[ResourceId, Resource]) -> Iterable[Resource]:
    """What is the world's own; a build's is passed over where it is as it was shown, and may not be changed."""
    for each in resources:
        if each.id not in staged:
            yield each
        elif each != staged[each.id]:
            raise InvalidInputError(
                f"resource: id: found {each.id}, expected a resource of the world's own: a build's are the channel's "
                "under the build's names, change with it, and go with the build"
            )


def _must_be_playable(world: World) -> None:
    from emulator.rules.playable import playable  # only a running channel needs it

    playable(world)


def _must_be_attached(world: World, group: SecurityGroup) -> None:
    of_subnets = {subnet.group for network in world.networks for subnet in network.subnets}
    attached = {each for each in of_subnets | {nic.group for nic in world.interfaces} if each}
    if group.id not in attached:
        known = ", ".join(sorted(each.text for each in attached)) or "(none)"
        raise InvalidInputError(
            f"resource: id: found {group.id}, expected a security group of this world, attached to a subnet or an "
            f"interface: {known}"
        )


def places(world: World) -> Iterable[tuple[str, IPv4Address]]:
    """Every Azure address that speaks on the channel, and whose it is."""
    yield "the client", world.client
    for member in world.members:
        yield member.hop, world.interface_of(member).address
    if world.topology == "existing-vnet":
        endpoint, service, _ = world.linked
        yield "the private endpoint", world.address_of(endpoint)
        yield "the private link service", service.nat_address
        yield "the load balancer", world.frontend.private_address
