"""A Windows machine that restarts: its listeners fall silent, refuse for a while, and answer again."""

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable, Sequence

from emulator.net import filters
from emulator.net.listener import Listener

_DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A socket filter that keeps no packet: BPF's `ret #0`."""

Tell = Callable[[str, str], None]
Sleep = Callable[[float], Awaitable[None]]


class Power:
    """Restarts the machine whenever `ask` was called.

    It is silent for so many seconds, then refuses connections for as many, then listens again.
    """

    def __init__(self, *, silent: float, refused: float, tell: Tell) -> None:
        self._silent = silent
        self._refused = refused
        self._tell = tell
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Begin to restart, now."""
        self._asked.set()

    async def run(
        self,
        listeners: Sequence[Listener],
        *,
        forget: Callable[[], None],
        started: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """Restart whenever it is asked, for ever.

        `forget` drops what does not outlive a restart; `started` is told each time that the machine is up again.
        """
        while True:
            await self._asked.wait()
            await self._go_down(listeners, forget)
            await sleep(self._silent)
            self._refuse(listeners)
            await sleep(self._refused)
            for listener in listeners:
                listener.listen()
            self._asked.clear()
            started()
            self._tell("MachineStarted", "the machine has restarted and listens again")

    async def _go_down(self, listeners: Sequence[Listener], forget: Callable[[], None]) -> None:
        self._tell(
            "MachineRestarting", f"the machine restarts: silent for {self._silent:g} s, then refusing for a while"
        )
        for listener in listeners:
            # Where no filter is allowed, SYNs are refused from the start instead of dropped at first.
            try:
                filters.attach(listener.socket, _DROP_ALL)
            except OSError:
                listener.refuse()
        for listener in listeners:
            await listener.cut()
        forget()

    def _refuse(self, listeners: Sequence[Listener]) -> None:
        for listener in listeners:
            with contextlib.suppress(OSError):
                filters.detach(listener.socket)
            listener.refuse()
