"""Whether a channel can be played: every decision that a hop will ever make has what it needs."""

from emulator.errors import InvalidInputError
from emulator.model.flow import Flow
from emulator.model.world import SYSTEMS, System, World, build_role
from emulator.rules import condition, path
from emulator.rules.condition import Condition
from emulator.rules.entry import source_ports

ANY_PORT = 49152


def playable(world: World) -> None:
    """Make each decision, for each class of source ports, whether or not an earlier one stops the flow.

    Raises:
        NotLoadedError: something that decides was not loaded; what, and which resource names it.
        InvalidInputError: Azure would refuse to deploy a part of the channel.
    """
    if world.parts.lacking:
        raise InvalidInputError("\n".join(each.sentence for each in world.parts.lacking))
    _playable(world, ANY_PORT)
    for port, _ in source_ports(world):
        _playable(world, port)


def _playable(world: World, port: int) -> None:
    present = [system for system in SYSTEMS if world.member(build_role(system)) is not None]
    for system in present:
        path.decide(path.client_flow(world, system, port), world, condition.assumed(world), system)
    if world.topology == "existing-vnet":
        _proxies(world, present, port)


def _proxies(world: World, present: list[System], port: int) -> None:
    _, service, balancer = world.linked
    front = world.frontend
    for proxy in world.proxies:
        for rule in balancer.rules:
            if rule.frontend not in (None, front.id):
                continue  # private link does not lead there
            natted = Flow(service.nat_address, port, front.private_address, rule.frontend_port)
            path.at_proxy(natted, world, Condition(), proxy, rule)
        for system in present:
            path.second_leg(world, Condition(), system, proxy, port)
