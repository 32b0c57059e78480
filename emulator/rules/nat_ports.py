"""How many flows private link's NAT addresses have ports for.

"64k ports per NAT IP per backend VM" (https://learn.microsoft.com/azure/private-link/private-link-faq); how many of
65,536 that is to the port is documented nowhere.
"""

from dataclasses import replace

from emulator.model.compute import Member
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules.condition import Condition


def capacity(world: World, condition: Condition) -> int:
    """How many flows at once a backend can have from the channel's service."""
    ports = world.remembered("NAT ports", lambda: _of(world))
    return min(ports, condition.budget[0]) if condition.budget else ports


def _of(world: World) -> int:
    addresses = len(world.service.nat_addresses) if world.service else 0
    return addresses * world.switches.nat_ports_per_backend


def exhausted(world: World, condition: Condition, proxy: Member) -> Verdict | None:
    """What becomes of a new flow to a backend that has taken every port; None where one is free."""
    if proxy.hop not in condition.exhausted or world.service is None:
        return None
    service, ports = world.service.id, capacity(world, condition)
    sentence = f"private link service {service.name} has no NAT port left for {proxy.hop}: all {ports} are taken"
    if condition.budget and ports == condition.budget[0]:
        return replace(condition.budget[1], sentence=f"{condition.budget[1].sentence}: {sentence}")
    return Verdict(Outcome.DROPPED, Reason("state", service.text, "NatPortsExhausted"), sentence)
