"""What the hops of one emulator share: the world as it is now, and where its addresses are on this machine."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from typing import Any

from emulator.clock import Clock
from emulator.model.ids import ResourceId
from emulator.model.world import System, World
from emulator.net.addresses import Transport
from emulator.net.pace import Pace
from emulator.net.pipes import PipePool
from emulator.net.traffic import Traffic
from emulator.observe import Observer
from emulator.rules import path
from emulator.rules.condition import Condition, Silence
from emulator.rules.path import ChannelPath

MEGABIT = 1_000_000 / 8
"""Bytes."""
Reached = Callable[[str, int], Coroutine[Any, Any, socket.socket | None]]
"""Connects to a host and port; None where that is not to be had."""
Jump = Callable[[socket.socket, Reached], Coroutine[Any, Any, None]]
"""Serves a connection as an SSH server that forwards to what `Reached` reaches."""


@dataclass(slots=True)
class Scene:
    """The running world; hops read it for each new connection and are told when it changes.

    Attributes:
        world: Azure's resources; replaced whole.
        condition: health and stopped services; replaced whole.
        ports: transport ports of listeners, by Azure address and port; elsewhere they are Azure's own.
        key: the hop header's HMAC key.
        headless: hops that do not understand the hop header: real SSH servers.
        jump: plays an SSH server that forwards, where the proxy VM is one.
        paces: the bandwidth of each proxy VM, where it is capped.
        nat_ports: how many of private link's ports the flows to each proxy have taken.
        traffic: hears of every flow for the flow logs; None where none are written.
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
    traffic: Traffic | None = None
    nat_ports: Counter[str] = field(default_factory=Counter)
    jump: Jump | None = None
    paces: dict[str, Pace] = field(default_factory=dict)
    retune: list[Callable[[], None]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def change(self, *, world: World | None = None, condition: Condition | None = None) -> None:
        """Replace the world or its condition; listeners take their new posture before this returns."""
        self.world = world or self.world
        self.condition = condition or self.condition
        for listener in self.retune:
            listener()
        self.changed.set()
        self.changed = asyncio.Event()

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
        return self.loopback.of(address), self.ports.get((address, port), port)
