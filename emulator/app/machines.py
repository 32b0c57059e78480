"""The states of the machines on the channel, set live: what Azure, a guest's firewall or a reboot makes of them."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

from emulator.app.keeper import Keeper
from emulator.clock import Clock, wall_time
from emulator.errors import InvalidInputError
from emulator.model.world import World
from emulator.observe import Observation, Observer
from emulator.rules.condition import Silence

State = Literal["running", "service-stopped", "guest-firewall", "rebooting", "deallocated"]
STATES: tuple[State, ...] = get_args(State)
SILENCES: dict[State, Silence] = {
    "guest-firewall": "GuestFirewall",
    "rebooting": "Rebooting",
    "deallocated": "Deallocated",
}
SILENT_SECONDS, REFUSING_SECONDS = 20.0, 10.0
"""Emulated seconds of a reboot until the machine answers RST, and then until its service listens (azure.md 8)."""


class Play(Protocol):
    """What `Scene.set_machine` does, wherever the scene is."""

    def __call__(self, hop: str, *, stopped: bool = False, silence: Silence | None = None) -> None: ...


def machine_state(text: object) -> State:
    """The state of that name.

    Raises:
        InvalidInputError: there is none.
    """
    for state in STATES:
        if state == text:
            return state
    raise InvalidInputError(f"state: found {text!r}, expected one of {', '.join(STATES)}")


@dataclass(slots=True)
class Machines:
    """Sets the states, and goes through a reboot by itself.

    Attributes:
        play: has the hops play what a machine does.
        hops: the names of the machines there are.
        clock: whose seconds a reboot takes.
        group: owns the reboots under way.
        keepers: the build VMs' processes, where they are ours; a proxy has none.
    """

    play: Play
    hops: Callable[[], Sequence[str]]
    clock: Callable[[], Clock]
    observer: Observer
    group: asyncio.TaskGroup
    keepers: Mapping[str, Keeper] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    _reboots: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def set(self, hop: str, state: State) -> None:
        """Bring a machine into a state; a reboot goes on by itself until it runs.

        Raises:
            InvalidInputError: there is no such machine.
            UnavailableError: a build VM did not start.
        """
        self._known(hop)
        under_way = self._reboots.pop(hop, None)
        if under_way is not None:
            under_way.cancel()
        await self._enter(hop, state)
        if state == "rebooting":
            self._reboots[hop] = self.group.create_task(self._come_back(hop))

    def ended(self, hop: str) -> None:
        """A machine's service ended by itself: from now on its machine answers RST, until it is started again."""
        self.states[hop] = "service-stopped"
        self.play(hop, stopped=True)

    def stop(self) -> None:
        """Let no reboot go on."""
        for each in self._reboots.values():
            each.cancel()

    async def _enter(self, hop: str, state: State) -> None:
        if state == "running":
            await self._run(hop)
        elif state == "service-stopped":
            await self._stop_service(hop)
        else:
            await self._fall_silent(hop, state)
        self.states[hop] = state
        self.observer(Observation(wall_time(), "MachineStateChanged", hop, f"{hop} is {state}", {"state": state}))

    async def _run(self, hop: str) -> None:
        if hop in self.keepers:
            await self.keepers[hop].start()
        self.play(hop)

    async def _stop_service(self, hop: str) -> None:
        """Its connections end, since whoever served them does; its machine answers RST."""
        self.play(hop, stopped=True)
        if hop in self.keepers:
            await self.keepers[hop].stop()

    async def _fall_silent(self, hop: str, state: State) -> None:
        """Open flows go dark before their end is gone, for it has no time to say so; a firewall lets it live."""
        self.play(hop, silence=SILENCES[state])
        if hop in self.keepers:
            await (self.keepers[hop].start() if state == "guest-firewall" else self.keepers[hop].stop())

    async def _come_back(self, hop: str) -> None:
        await self.clock().sleep(SILENT_SECONDS)
        await self._enter(hop, "service-stopped")
        await self.clock().sleep(REFUSING_SECONDS)
        await self._enter(hop, "running")
        self._reboots.pop(hop, None)

    def all(self) -> dict[str, State]:
        """The state of each machine."""
        return {hop: self.states.get(hop, "running") for hop in self.hops()}

    def _known(self, hop: str) -> None:
        names = self.hops()
        if hop not in names:
            raise InvalidInputError(f"hop: found {hop!r}, expected one of {', '.join(names)}")


def machines_of(world: World) -> Sequence[str]:
    """The hops that are machines with a state: proxies and build VMs."""
    return [machine.hop for machine in world.members if machine.role != "client"]
