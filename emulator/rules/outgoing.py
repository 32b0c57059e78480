"""A machine's own connections: what `explain` says of their way, as the machine is about to experience it."""

from dataclasses import replace

from emulator.errors import InvalidInputError, NotLoadedError
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules.condition import SILENCES, Condition
from emulator.rules.ends import End, end_of
from emulator.rules.legs import Leg, Path
from emulator.rules.outside import is_private
from emulator.rules.reach import trace
from emulator.rules.routes import PLATFORM_SERVICES


def outgoing(world: World, condition: Condition, machine: Member, flow: Flow) -> Path:
    """The path of a connection that a machine opens, up to what stops it; a machine that is silent stops it last.

    What cannot be decided stops it too, and the sentence says what was not loaded.
    """
    try:
        target = end_of(world, str(flow.destination))
        found = trace(
            world,
            lambda: condition,
            end_of(world, machine.hop),
            target,
            flow.destination_port,
            source_port=flow.source_port,
            protocol=flow.protocol,
        )
    except (NotLoadedError, InvalidInputError) as error:
        verdict = Verdict(Outcome.DROPPED, Reason("state", "", "NotLoaded"), str(error))
        return Path((Leg(f"{machine.hop} → {flow.destination}", 1, flow, verdict),))
    return _named(machine, target, _unless_silent(world, condition, found))


def _named(machine: Member, target: End, found: Path) -> Path:
    """The Internet is one place in the names of legs, which label metrics."""
    if target.resource is not None or is_private(target) or target.address in PLATFORM_SERVICES:
        return found
    return Path(tuple(replace(each, name=f"{machine.hop} → Internet") for each in found.legs))


def _unless_silent(world: World, condition: Condition, found: Path) -> Path:
    last = found.end()
    reached = next((each for each in world.members if each.id == last.resource), None)
    silence = condition.silence_of(reached.hop) if reached else None
    if reached is None or silence is None or not found.carried:
        return found
    verdict = Verdict(
        Outcome.DROPPED, Reason("state", reached.id.text, silence), SILENCES[silence].format(reached.hop)
    )
    return Path((*found.legs[:-1], replace(last, verdict=verdict)))


def resolves(path: Path) -> bool:
    """Whether a question on that path is answered: a resolver of the network's own need not be loaded for that."""
    return path.carried or path.end().verdict.reason.name == "NotLoaded"
