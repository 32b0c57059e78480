"""The states of the machines on the channel, set live: what Azure, a guest's firewall or a reboot makes of them."""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, get_args

from emulator.app.keeper import Keeper
from emulator.clock import wall_time
from emulator.errors import InvalidInputError
from emulator.net.scene import Scene
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
        group: owns the reboots under way.
        keepers: the build VMs' processes; a proxy has none.
    """

    scene: Scene
    observer: Observer
    group: asyncio.TaskGroup
    keepers: dict[str, Keeper]
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
        self.scene.set_machine(hop)

    async def _stop_service(self, hop: str) -> None:
        """Its connections end, since whoever served them does; its machine answers RST."""
        self.scene.set_machine(hop, stopped=True)
        if hop in self.keepers:
            await self.keepers[hop].stop()

    async def _fall_silent(self, hop: str, state: State) -> None:
        """Open flows go dark before their end is gone, for it has no time to say so; a firewall lets it live."""
        self.scene.set_machine(hop, silence=SILENCES[state])
        if hop in self.keepers:
            await (self.keepers[hop].start() if state == "guest-firewall" else self.keepers[hop].stop())

    async def _come_back(self, hop: str) -> None:
        await self.scene.clock.sleep(SILENT_SECONDS)
        await self._enter(hop, "service-stopped")
        await self.scene.clock.sleep(REFUSING_SECONDS)
        await self._enter(hop, "running")
        self._reboots.pop(hop, None)

    def _known(self, hop: str) -> None:
        names = [machine.hop for machine in self.scene.world.members if machine.role != "client"]
        if hop not in names:
            raise InvalidInputError(f"hop: found {hop!r}, expected one of {', '.join(names)}")
