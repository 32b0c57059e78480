"""The running channel on which a scenario's script is played: what is waited for there, and where clients work."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from emulator.app.building import azure_place
from emulator.app.channel import Channel
from emulator.app.way import way
from emulator.model.world import System
from emulator.net import filters
from emulator.observe import Event, Record
from emulator.scenarios import judging
from emulator.scenarios.clients import Sessions, Target
from emulator.scenarios.judging import began_before, is_it
from emulator.scenarios.patch import Patch
from emulator.scenarios.patches import changed
from emulator.scenarios.step import EventSeen, Evidence, RecordSeen, State

WAITS = 20.0
"""Real seconds within which what a script waits for must have come."""
GLANCE, GLANCES = 0.01, 50
"""Real seconds between two looks whether a client's records have come, and how many looks."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A channel, and who is at work on it.

    Attributes:
        sessions: connections of clients that stay open.
        began: when the script did.
        exact: whether packets are dropped and lost by socket filters here, as in Azure's network.
    """

    channel: Channel
    began: datetime.datetime
    sessions: Sessions = field(default_factory=dict)
    exact: bool = field(default_factory=lambda: filters.supported() is None)

    @contextlib.asynccontextmanager
    async def target(self, system: System) -> AsyncIterator[Target]:
        """Where a client finds a build VM."""
        endpoint = self.channel.status.endpoints[system]
        async with way(endpoint) as (host, port):
            url = f"https://{host}:{port}/wsman"
            azure = azure_place(self.channel.world, system)
            yield Target(host, port, endpoint.username, endpoint.password, endpoint.private_key, url, azure)

    async def change(self, patches: tuple[Patch, ...]) -> None:
        """Apply patches to the running world.

        Raises:
            InvalidInputError: a patch names what is not there, or the world cannot be played.
        """
        if patches:
            await self.channel.apply(changed(self.channel.resources(), patches))

    async def until(self, wanted: RecordSeen | EventSeen, seconds: float = WAITS) -> str:
        """Wait for a record or an observation since the script's begin; what is wrong where it does not come."""
        try:
            async with asyncio.timeout(seconds):
                async for event in self.channel.follow():
                    if self.is_ours(event) and is_it(event, wanted, filters=self.exact):
                        break
        except TimeoutError:
            words = Evidence(record=wanted) if isinstance(wanted, RecordSeen) else Evidence(event=wanted)
            return f"found no {judging.in_words(words)} within {seconds:g} s"
        return ""

    @property
    def connections(self) -> int:
        """How many connections of clients are open."""
        return sum(gate.listener.connections for gate in self.channel.entries.values())

    async def settled(self, connections: int) -> None:
        """Wait a moment for records: until no more connections are open than these."""
        for _ in range(GLANCES):
            if self.connections <= connections:
                return
            await asyncio.sleep(GLANCE)

    def is_ours(self, event: Event) -> bool:
        """Whether it is of the script's time; connections that tried the channel at its start are not."""
        scale = self.channel.scene.clock.scale
        return not (isinstance(event, Record) and began_before(event, self.began, scale))

    def leave(self) -> None:
        """Close what clients have left open."""
        for each in self.sessions.values():
            each.close()
        self.sessions.clear()

    async def until_states(self, wanted: dict[str, State]) -> str:
        """Wait for states of machines; what is wrong where they do not come."""
        try:
            async with asyncio.timeout(WAITS):
                async for _ in self.channel.follow():
                    if wanted.items() <= self.channel.machine_states().items():
                        break
        except TimeoutError:
            return f"found {self.channel.machine_states()}, expected {wanted}"
        return ""
