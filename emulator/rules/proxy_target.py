"""Where a proxy VM connects to, where its client names the target: by CONNECT, by SOCKS or through SSH."""

from dataclasses import replace
from ipaddress import IPv4Address

from emulator.errors import InvalidInputError
from emulator.model.compute import Member
from emulator.model.flow import Flow
from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import ends, legs, reach
from emulator.rules.condition import Condition, served
from emulator.rules.legs import Leg

NOBODY = IPv4Address("0.0.0.0")


def target_leg(
    world: World, condition: Condition, proxy: Member, asked: tuple[str, int], source_port: int
) -> tuple[Leg, Member | None]:
    """The proxy's connection to what was asked for, and the build VM that this is; None for any other end.

    A host is an address, or the name of a machine as Azure's own DNS knows it. What is no build VM is judged like any
    flow of the proxy's, its balancer's frontend (a hairpin) and the Internet included, and nobody plays it.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    host, port = asked
    try:
        end = ends.end_of(world, host)
    except InvalidInputError:
        flow = Flow(world.interface_of(proxy).address, source_port, NOBODY, port)
        reason = Reason("state", "", "UnknownHost")
        return _told(proxy, flow, host, Verdict(Outcome.REFUSED, reason, f"{proxy.hop} knows no host {host}")), None
    build = world.member_at(end.interface.id) if end.interface else None
    if build is not None and build.role in ("build-linux", "build-windows"):
        flow = Flow(world.interface_of(proxy).address, source_port, end.address, port)
        checks = legs.settled(legs.private_checks(world, world.interface_of(proxy), world.interface_of(build), flow))
        verdict = served(build, condition, legs.deciding(checks), flow)  # a port that nothing listens on: RST
        return Leg(f"{proxy.hop} → {build.hop}", 2, flow, verdict, build.id, checks), build
    source = ends.end_of(world, proxy.hop)
    found = reach.trace(world, lambda: condition, source, end, port, source_port=source_port).end()
    if not found.verdict.carried:
        return replace(found, segment=2), None
    sentence = f"{found.flow} would be carried to {end}, which this emulator does not play"
    verdict = Verdict(
        Outcome.REFUSED, Reason("state", end.resource.text if end.resource else "", "NotPlayed"), sentence
    )
    return _told(proxy, found.flow, str(end), verdict), None


def _told(proxy: Member, flow: Flow, host: str, verdict: Verdict) -> Leg:
    return Leg(f"{proxy.hop} → {host}", 2, flow, verdict, None, (verdict,))
