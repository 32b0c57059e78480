"""Whether a channel can be played: every decision that a hop will ever make has what it needs."""

from emulator.errors import InvalidInputError
from emulator.model.flow import Flow
from emulator.model.world import SYSTEMS, System, World, build_role
from emulator.rules import condition, path
from emulator.rules.condition import Condition

ANY_PORT = 49152


def playable(world: World) -> None:
    """Make each decision once, whether or not an earlier one stops the flow.

    Raises:
        NotLoadedError: something that decides was not loaded; what, and which resource names it.
        InvalidInputError: Azure would refuse to deploy a part of the channel.
    """
    if world.parts.lacking:
        raise InvalidInputError("\n".join(each.sentence for each in world.parts.lacking))
    present = [system for system in SYSTEMS if world.member(build_role(system)) is not None]
    for system in present:
        path.decide(path.client_flow(world, system, ANY_PORT), world, condition.assumed(world), system)
    if world.topology == "existing-vnet":
        _proxies(world, present)


def _proxies(world: World, present: list[System]) -> None:
    _, service, balancer = world.linked
    front = world.frontend
    for proxy in world.proxies:
        for rule in balancer.rules:
            if rule.frontend not in (None, front.id):
                continue  # private link does not lead there
            natted = Flow(service.nat_address, ANY_PORT, front.private_address, rule.frontend_port)
            path.at_proxy(natted, world, Condition(), proxy, rule)
        for system in present:
            path.second_leg(world, Condition(), system, proxy, ANY_PORT)
