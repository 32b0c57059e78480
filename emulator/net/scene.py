"""What the hops of one emulator share: the world as it is now, and where its addresses are on this machine."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from emulator.clock import Clock
from emulator.model.ids import ResourceId
from emulator.model.world import System, World
from emulator.net.addresses import Transport
from emulator.net.pace import Pace
from emulator.net.pipes import PipePool
from emulator.net.traffic import Traffic
from emulator.observe import Observer
from emulator.rules import nat_ports, path
from emulator.rules.condition import Condition, Silence
from emulator.rules.decisions import Decisions
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.listening import Laid, failing, least_ports
from emulator.rules.path import ChannelPath
from emulator.wire.hop import HopHeader

if TYPE_CHECKING:
    from emulator.net.fused import Fused

MEGABIT = 1_000_000 / 8
"""Bytes."""
Reached = Callable[[str, int], Coroutine[Any, Any, socket.socket | None]]
"""Connects to a host and port; None where that is not to be had."""
Jump = Callable[[socket.socket, Reached], Coroutine[Any, Any, None]]
"""Serves a connection as an SSH server that forwards to what `Reached` reaches."""

Near = Callable[[HopHeader, tuple[str, int]], "Fused | None"]
"""Takes a flow on, from its header and its transport source; None where it has to be connected to."""


@dataclass(slots=True)
class Scene:
    """The running world; hops read it for each new connection and are told when it changes.

    Attributes:
        world: Azure's resources; replaced whole.
        condition: health and stopped services; replaced whole.
        ports: transport ports of listeners, by Azure address and port; elsewhere they are Azure's own.
        key: the hop header's HMAC key.
        headless: hops that do not understand the hop header: real SSH servers.
        elsewhere: where build VMs are that are not ours, by Azure address and port.
        jump: plays an SSH server that forwards, where the proxy VM is one.
        paces: the bandwidth of each proxy VM, where it is capped.
        nat_ports: how many of private link's ports the flows to each proxy have taken.
        traffic: hears of every flow for the flow logs; None where none are written.
        fuses: whether one relay may carry a flow through both hops.
        near: proxy VMs of this process, by Azure address and port: what takes a flow on whose hop before it carries.
        faults: what goes wrong beside what the world decides, and since when; replaced whole.
    """

    world: World
    clock: Clock
    observer: Observer
    loopback: Transport
    pipes: PipePool
    key: bytes
    condition: Condition = field(default_factory=Condition)
    ports: dict[tuple[IPv4Address, int], int] = field(default_factory=dict)
    headless: frozenset[str] = frozenset()
    elsewhere: dict[tuple[IPv4Address, int], tuple[str, int]] = field(default_factory=dict)
    traffic: Traffic | None = None
    nat_ports: Counter[str] = field(default_factory=Counter)
    jump: Jump | None = None
    paces: dict[str, Pace] = field(default_factory=dict)
    fuses: bool = True
    near: dict[tuple[IPv4Address, int], Near] = field(default_factory=dict)
    faults: tuple[Laid, ...] = ()
    retune: list[Callable[[], None]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _next: asyncio.TimerHandle | None = None
    _decisions: Decisions | None = None

    @property
    def decisions(self) -> Decisions:
        """Of the world and the condition as they are now."""
        found = self._decisions
        if found is None or found.world is not self.world or found.condition is not self.condition:
            found = self._decisions = Decisions(self.world, self.condition)
        return found

    def change(
        self,
        *,
        world: World | None = None,
        condition: Condition | None = None,
        faults: tuple[Fault, ...] | None = None,
    ) -> None:
        """Replace the world, its condition or the faults; listeners take their new posture before this returns."""
        self.world = world or self.world
        self.condition = condition or self.condition
        if faults is not None:
            self._lay(faults)
        self._fail()
        for listener in self.retune:
            listener()
        self.changed.set()
        self.changed = asyncio.Event()

    def _lay(self, faults: tuple[Fault, ...]) -> None:
        """Take the faults there are now; one that was there before has been since then."""
        before = {each.fault: each for each in self.faults}
        now = self.clock.now()
        self.faults = tuple(before.get(fault) or Laid(fault, now) for fault in faults)

    def _fail(self) -> None:
        """Bring what every attempt meets at a hop into the condition, and do so again when it changes by itself."""
        self.close()
        if not self.faults and not self.condition.failing and self.condition.budget is None:
            return
        now = self.clock.now()
        budget = least_ports(self.faults, now)
        self.condition = replace(self.condition, failing=failing(self.faults, now), budget=budget)
        most = nat_ports.capacity(self.world, self.condition)
        full = frozenset(each.hop for each in self.world.proxies if self.nat_ports[each.hop] >= most)
        self.condition = replace(self.condition, exhausted=full)
        times = (each.next_time(now) for each in self.faults if each.fault.effect.where in ("accept", "link"))
        due = min((each for each in times if each is not None), default=None)
        if due is not None:
            seconds = self.clock.real(max(0.0, due - now))
            self._next = asyncio.get_running_loop().call_later(seconds, self.change)

    def close(self) -> None:
        """Nothing changes by itself any more."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def flip(self, probe: ResourceId, interface: ResourceId, *, up: bool) -> None:
        """The balancer now believes a backend up or down for a probe."""
        pair = (probe, interface)
        healthy = self.condition.healthy | {pair} if up else self.condition.healthy - {pair}
        self.change(condition=replace(self.condition, healthy=healthy))

    def pace_of(self, hop: str) -> Pace | None:
        """The bandwidth that all connections of a proxy VM share; None where there is no cap."""
        megabits = self.world.switches.proxy_egress_megabits
        if not megabits:
            return None
        return self.paces.setdefault(hop, Pace(megabits * MEGABIT * self.clock.scale))

    def set_machine(self, hop: str, *, stopped: bool = False, silence: Silence | None = None) -> None:
        """What a machine does from now on: serve, answer RST, or answer nothing."""
        self.change(condition=self.condition.with_machine(hop, stopped=stopped, silence=silence))

    def decide(self, system: System, source_port: int) -> ChannelPath:
        """The path of a client's flow from a source port, as things are now."""
        flow = path.client_flow(self.world, system, source_port)
        return path.decide(flow, self.world, self.condition, system)

    def transport(self, address: IPv4Address, port: int) -> tuple[str, int]:
        """Where an Azure address and port can be dialled on this machine."""
        ours = self.loopback.of(address), self.ports.get((address, port), port)
        return self.elsewhere.get((address, port), ours)

    def source(self, address: IPv4Address, towards: str) -> str | None:
        """Which of our addresses to dial from; None for any, where each has none of its own or cannot leave here."""
        return self.loopback.of(address) if self.loopback.exact and towards.startswith("127.") else None
