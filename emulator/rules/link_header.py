"""Private link's PROXY v2: who sends it, who reads it, and what a mismatch comes to.

The service puts it before every connection, and the balancer before every health probe; a backend that does not read
it takes it for its client's bytes, one that reads it takes the client's bytes for it (azure.md 4.5).
https://learn.microsoft.com/azure/private-link/private-link-service-overview
"""

from dataclasses import replace

from emulator.model.world import World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules.legs import Leg


def on_connections(world: World) -> bool:
    """Whether the channel's service puts a header before each connection."""

    def asked() -> bool:
        return world.topology == "existing-vnet" and world.service is not None and world.service.proxy_protocol

    return world.remembered("header before connections", asked)


def on_probes(world: World) -> bool:
    """Whether probes carry it: one service that has it on is enough, of all that lead to the balancer."""
    balancer = world.parts.balancer
    return any(each.proxy_protocol and each.load_balancer == balancer for each in world.services)


def is_read(world: World) -> bool:
    """Whether the proxy VM expects it; whether Image Builder's does is not documented: a switch."""
    return world.topology == "existing-vnet" and world.switches.proxy_vm_reads_proxy_v2


def link_id(world: World) -> int:
    """The LINKID of the channel's connection; 0 where the service's side was not loaded, or does not say it."""
    endpoint, service, _ = world.linked
    return next((each.link or 0 for each in service.connections if each.endpoint == endpoint.id), 0)


def mismatch(world: World) -> Verdict | None:
    """What one side sends and the other does not expect; None where they agree."""
    return world.remembered("header mismatch", lambda: _mismatch(world))


def _mismatch(world: World) -> Verdict | None:
    sent, read = on_connections(world), is_read(world)
    if sent == read or world.service is None:
        return None
    name = world.service.id.name
    reason = Reason("state", world.service.id.text, "ProxyProtocolMismatch")
    if sent:
        sentence = f"enableProxyProtocol of {name} is on and the proxy VM passes the header on as its client's bytes"
        return Verdict(Outcome.REFUSED, reason, sentence)
    sentence = f"the proxy VM waits for a PROXY v2 header and enableProxyProtocol of {name} is off"
    return Verdict(Outcome.DROPPED, reason, sentence)


def judged(world: World, leg: Leg) -> Leg:
    """The proxy's leg to a build VM under a mismatch, if there is one and nothing else stops it before."""
    verdict = mismatch(world)
    if verdict is None or not leg.verdict.carried:
        return leg
    return replace(leg, verdict=verdict, checks=(*leg.checks, verdict))
