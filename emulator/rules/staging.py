"""Which machines of a subnet are the build's own, where several builds run in it at once.

Image Builder keeps each build's machines, balancer and private link service in a staging group of its own, called
`IT_<group>_<template>_<GUID>` unless the template names one (azure.md 1.8, JSON and OVER):
https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-stagingresourcegroup
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from emulator.model import deployed
from emulator.model.balancer import LoadBalancer
from emulator.model.compute import Member, Role, VirtualMachine
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.network import Interface, Subnet
from emulator.model.privatelink import PrivateLinkService
from emulator.model.world import SYSTEMS, World, build_role
from emulator.rules import pool

ROLE_TAG = "aib-emulator-role"
"""A virtual machine with this tag plays the role that it names: `build-linux` or `build-windows`."""
STAGING = "it_"
"""How the names of Image Builder's own groups begin, in small letters."""

Owned = TypeVar("Owned", LoadBalancer, PrivateLinkService)
Placed = tuple[VirtualMachine, Interface]


def preferred(world: World, found: Sequence[Owned]) -> Owned | None:
    """Of several, the one in the template's staging group; else the first that is not another build's."""
    group = _of_template(world)
    ours = [each for each in found if group is None or not _group(each.id).startswith(STAGING)]
    return next((each for each in found if _group(each.id) == group), ours[0] if ours else None)


def builds(world: World, subnet: Subnet) -> tuple[Member, ...]:
    """The machines that play the build VMs: tagged so, or those of one staging group, by operating system."""
    proxies = {member.interface for member in world.proxies}
    placed = [each for each in _placed(world, subnet) if each[1].id not in proxies]
    staged = _staged(world, placed)
    found = [(build_role(system), _playing(build_role(system), placed, staged)) for system in SYSTEMS]
    return tuple(Member(each[0].id, role, role, each[1].id) for role, each in found if each)


def _playing(role: Role, placed: Sequence[Placed], staged: Sequence[Placed]) -> Placed | None:
    tagged = (each for each in placed if each[0].tag.get(ROLE_TAG, "").lower() == role)
    of_system = (each for each in staged if each[0].system == deployed.SYSTEMS[role])
    return next(tagged, None) or next(of_system, None)


def _staged(world: World, placed: Iterable[Placed]) -> Sequence[Placed]:
    """The machines of the first staging group that has any; another build's proxies are none."""
    free = [each for each in placed if ROLE_TAG not in each[0].tag and not _is_balanced(world, each[1])]
    for group in _groups(world, free):
        ours = [each for each in free if _group(each[0].id) == group]
        if ours:
            return ours
    return ()


def _groups(world: World, free: Iterable[Placed]) -> Iterator[str]:
    """The template's group, the balancer's, our own; any of Image Builder's where none of these is one of its own."""
    named = [_of_template(world), *(each and _group(each) for each in (world.parts.balancer, world.parts.service))]
    yield from dict.fromkeys(each for each in named if each)
    yield _group(deployed.BALANCER)
    if not (named[0] or any(each and each.startswith(STAGING) for each in named)):
        yield from dict.fromkeys(each for each in (_group(one[0].id) for one in free) if each.startswith(STAGING))


def _is_balanced(world: World, interface: Interface) -> bool:
    """Whether a machine stands behind a balancer, loaded or not: a build VM never does (azure.md 1.2)."""
    return any(each.pools for each in interface.configurations) or bool(pool.balancers_of(world, interface))


def _placed(world: World, subnet: Subnet) -> Iterator[Placed]:
    """The machines with an interface in a subnet, each with that interface."""
    for machine in world.machines:
        for nic in machine.interfaces:
            interface: Interface | None = world.find("interfaces", nic)
            if interface and any(each.subnet == subnet.id and each.address for each in interface.configurations):
                yield machine, interface


def _of_template(world: World) -> str | None:
    template: ImageTemplate | None = world.find("templates", world.parts.template) if world.parts.template else None
    return _group(template.staging_group) if template and template.staging_group else None


def _group(identity: ResourceId) -> str:
    return identity.resource_group.lower()


def doubts(world: World, subnet: Subnet, services: Sequence[PrivateLinkService]) -> Iterator[str]:
    """What to warn of where several builds are in one subnet and no template says which is meant."""
    if _of_template(world):
        return
    taken = world.parts.service
    if len(services) > 1 and taken:
        names = ", ".join(each.id.text for each in services)
        yield f"{subnet.id}: found several private link services, {names}: {taken.name} is taken; {SAYS_WHICH}"
    here = [*(each.id for each in services), *(machine.id for machine, _ in _placed(world, subnet))]
    groups = list(dict.fromkeys(each.resource_group for each in here if _group(each).startswith(STAGING)))
    if len({each.lower() for each in groups}) > 1:
        ours = {each.id.resource_group for each in world.members if each.id.resource_group in groups}
        taken_ones = ", ".join(sorted(ours)) or "none of them"
        said = f"found builds of several staging groups, {', '.join(groups)}: taken is {taken_ones}"
        yield f"{subnet.id}: {said}; {SAYS_WHICH}"


SAYS_WHICH = "an image template with its staging group, named by the setting `template`, says which is meant"
