"""Keep a build VM running on its port, stop it and start it again."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import IO

from emulator.app.outbound.outlet import Outlet
from emulator.clock import wall_time
from emulator.errors import EmulatorError
from emulator.machines import container
from emulator.machines.child import Running, machine
from emulator.machines.settings import MachineSettings
from emulator.observe import Observation, Observer


class Keeper:
    """One build VM and the socket that is its address on this machine."""

    def __init__(
        self,
        settings: MachineSettings,
        bound: socket.socket,
        observer: Observer,
        log: IO[bytes] | None,
        outlet: Outlet | None = None,
    ) -> None:
        self.outlet = outlet
        self.settings = settings
        self.running: Running | None = None
        self.failure = ""
        self._told = ""
        self._bound = bound
        self._observer = observer
        self._log = log
        self._stack = contextlib.AsyncExitStack()
        self._turn = asyncio.Lock()

    @property
    def detail(self) -> str:
        """One line about it."""
        if self.running is None:
            return self.failure or "stopped"
        cut_off = self.outlet is not None and self.outlet.ended
        return f"{self.running.detail}; its way out ended: restart it" if cut_off else self.running.detail

    @property
    def is_ours(self) -> bool:
        """Whether its server is ours, and no container's."""
        return not (self.settings.guest == "container" and self.settings.system == "linux")

    def play(self, line: str) -> None:
        """Have it play the faults in a line of `machines.faults.line_of`, now and whenever it starts."""
        self._told = line
        if self.running is not None and self.is_ours:
            self.running.tell(line)

    async def start(self) -> None:
        """Start it and wait until it serves, once it has ended where it is to end; nothing to do when it runs.

        Raises:
            UnavailableError: it did not start.
        """
        async with self._turn:
            if self.running is None:
                await self._begin()

    async def _begin(self) -> None:
        if self.is_ours:
            outlet = self._stack.enter_context(self.outlet.opened()) if self.outlet else None
            context = machine(self.settings, self._bound, self._observer, stderr=self._log, outlet=outlet)
        else:
            context = container.machine(self.settings, self._bound, self._observer)
        try:
            self.running = await self._stack.enter_async_context(context)
        except EmulatorError as error:
            self.failure = str(error)
            await self._end()
            raise
        if self._told:
            self.play(self._told)

    async def stop(self) -> None:
        """End it and its connections; its port then answers RST."""
        self.running = None
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        self.running = None
        stack, self._stack = self._stack, contextlib.AsyncExitStack()
        await stack.aclose()

    async def watch(self, ended: Callable[[str], None]) -> None:
        """Report when it ends by itself, and call `ended` with its name; runs as long as the emulator."""
        while True:
            running = self.running
            if running is None:
                await asyncio.sleep(0.2)  # stopped on purpose, or not started yet
                continue
            code = await running.wait()
            if running is self.running:
                await self.stop()
                self.failure = f"its process ended with {code}"
                sentence = f"{self.settings.name}: {self.failure}"
                ended(self.settings.name)
                self._observer(Observation(wall_time(), "MachineEnded", self.settings.name, sentence, {"code": code}))
