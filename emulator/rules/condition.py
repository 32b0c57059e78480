"""What is true of a channel beside its configuration: who listens, and which health probes succeed."""

from dataclasses import dataclass, replace
from typing import Literal

from emulator.model.balancer import LoadBalancer, Probe
from emulator.model.compute import Member, Role
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.network import Interface
from emulator.model.world import BUILD_PORTS, PROBE_SOURCE, PROXY_PORTS, System, World
from emulator.reason import Outcome, Reason, Verdict
from emulator.rules import pool, security

SYSTEM_AT: dict[int, System] = {port: system for system, port in PROXY_PORTS.items()}
SERVED: dict[Role, frozenset[int]] = {
    "client": frozenset(),
    "proxy": frozenset(SYSTEM_AT),
    "build-linux": frozenset({BUILD_PORTS["linux"]}),
    "build-windows": frozenset({BUILD_PORTS["windows"]}),
}
"""Ports that something listens on; a machine answers RST on every other (azure.md 3.3)."""


Silence = Literal["GuestFirewall", "Rebooting", "Deallocated"]
SILENCES: dict[Silence, str] = {
    "GuestFirewall": "the firewall in the guest of {} drops it; security groups know nothing of that",
    "Rebooting": "{} is rebooting and answers nothing",
    "Deallocated": "{} is deallocated: nobody is at its address",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """What is true of the running channel beside its configuration.

    Attributes:
        healthy: pairs of probe ID and interface ID that the balancer believes to be up.
        stopped: hops whose service does not listen; their machine answers with RST.
        exhausted: proxies for which private link has no NAT port left.
        silent: pairs of a hop and why its machine answers nothing at all.
        budget: how many NAT ports a fault leaves private link for each proxy, and its verdict; None where none does.
        failing: pairs of a hop and the verdict of a fault that lets every attempt there fail, but for health probes.
    """

    healthy: pool.Up = frozenset()
    stopped: frozenset[str] = frozenset()
    silent: frozenset[tuple[str, Silence]] = frozenset()
    exhausted: frozenset[str] = frozenset()
    budget: tuple[int, Verdict] | None = None
    failing: frozenset[tuple[str, Verdict]] = frozenset()

    def silence_of(self, hop: str) -> Silence | None:
        """Why a machine answers nothing; None where it answers."""
        return next((why for name, why in self.silent if name == hop), None)

    def with_ports(self, hop: str, *, exhausted: bool) -> "Condition":
        """The condition once private link has no port left for a proxy, or has one again."""
        return replace(self, exhausted=self.exhausted | {hop} if exhausted else self.exhausted - {hop})

    def with_machine(self, hop: str, *, stopped: bool = False, silence: Silence | None = None) -> "Condition":
        """The condition once a machine serves, answers RST, or answers nothing."""
        others = frozenset(each for each in self.silent if each[0] != hop)
        silent = others | {(hop, silence)} if silence else others
        return replace(self, stopped=self.stopped | {hop} if stopped else self.stopped - {hop}, silent=silent)


def assumed(world: World) -> Condition:
    """The condition of a channel that nobody runs: every service listens, and probes tell what the groups let them.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    return Condition(probed(world, world.balancer)) if world.balancer else Condition()


def probed(world: World, balancer: LoadBalancer) -> pool.Up:
    """The probes that would succeed if every machine behind a balancer did its work.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    return frozenset(
        (probe.id, backend.interface)
        for probe in balancer.probes
        for backend in pool.backends(world, balancer)
        if _answers_probe(world, backend.interface, probe)
    )


def _answers_probe(world: World, nic: ResourceId, probe: Probe) -> bool:
    member = world.member_at(nic)
    if member is not None:
        return probe_answer(world, Condition(), member, probe).carried
    interface = world.interface(nic)
    return security.at_interface(world, interface, "Inbound", probe_flow(interface, probe.port)).carried


def probe_flow(interface: Interface, port: int) -> Flow:
    """The first packet of a health probe of an interface (azure.md 3.4)."""
    return Flow(PROBE_SOURCE, 49152, interface.address, port)


def probe_answer(world: World, condition: Condition, proxy: Member, probe: Probe) -> Verdict:
    """What a health probe of a proxy comes to: beside the way there, whether the proxy answers what it asks.

    A probe by Http or Https wants a 200 (azure.md 3.4). What the proxy VM speaks is documented nowhere (azure.md
    1.2); whatever it forwards to, SSH or WinRM answers no such request with one.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    verdict = probe_verdict(world, condition, proxy, probe.port)
    if probe.protocol == "Tcp" or not verdict.carried:
        return verdict
    sentence = f"probe {probe.id.name} asks {proxy.hop} by {probe.protocol}, which answers no such request with 200"
    return Verdict(Outcome.REFUSED, Reason("probe", probe.id.text, probe.protocol), sentence)


def probe_verdict(world: World, condition: Condition, proxy: Member, port: int) -> Verdict:
    """What a health probe of a proxy meets: the groups at its interface, then its service.

    Raises:
        NotLoadedError: a resource that decides was not loaded.
    """
    interface = world.interface_of(proxy)
    flow = probe_flow(interface, port)
    verdict = security.at_interface(world, interface, "Inbound", flow)
    return served(proxy, replace(condition, failing=frozenset()), verdict, flow)


def served(member: Member, condition: Condition, verdict: Verdict, flow: Flow) -> Verdict:
    """What a machine's own service does with a packet that a verdict let through to it."""
    if not verdict.carried:
        return verdict
    silence = condition.silence_of(member.hop)
    if silence is not None:
        reason = Reason("state", member.id.text, silence)
        return Verdict(Outcome.DROPPED, reason, f"{flow}: {SILENCES[silence].format(member.hop)}")
    if member.hop in condition.stopped:
        reason = Reason("state", member.id.text, "ServiceStopped")
        return Verdict(Outcome.REFUSED, reason, f"no service listens on {member.hop}: its machine answers RST")
    if flow.destination_port not in SERVED[member.role]:
        reason = Reason("state", member.id.text, "NoListener")
        sentence = f"nothing listens on port {flow.destination_port} of {member.hop}: its machine answers RST"
        return Verdict(Outcome.REFUSED, reason, sentence)
    return next((fault for hop, fault in condition.failing if hop == member.hop), verdict)
