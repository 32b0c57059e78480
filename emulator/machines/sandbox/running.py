"""The machine's side of one command in a sandbox: its pipes or terminal, and how it ended."""

import asyncio
import os
import signal
from typing import Final, Protocol

from emulator.errors import UnavailableError
from emulator.machines.guest import Ending, Output, Terminal
from emulator.machines.sandbox import messages, pipes
from emulator.machines.sandbox.messages import Message

SIGNALS: Final = {number.name.removeprefix("SIG"): int(number) for number in signal.Signals}
NAMES: Final = {number: name for name, number in SIGNALS.items()}


class Teller(Protocol):
    """What a command needs of its guest."""

    def tell(self, message: Message) -> None:
        """Send what needs no answer."""
        ...

    def forget(self, number: int) -> None:
        """Its replies matter no more."""
        ...


class SandboxProcess:
    """A command in the sandbox; see `Process`."""

    def __init__(self, guest: Teller, number: int, *, terminal: bool) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[None] = loop.create_future()
        self._ending: asyncio.Future[Ending] = loop.create_future()
        self._guest = guest
        self._number = number
        self._terminal = terminal
        self._open: dict[str, int] = {}
        self._at_end: set[str] = set()
        self._closed = False
        self.given: tuple[int, ...] = () if terminal else self._make_pipes()

    def _make_pipes(self) -> tuple[int, ...]:
        stdin, self._open["stdin"] = pipes.pipe()
        self._open["stdout"], stdout = pipes.pipe()
        self._open["stderr"], stderr = pipes.pipe()
        for descriptor in self._open.values():
            os.set_blocking(descriptor, False)
        return stdin, stdout, stderr

    def release_given(self) -> None:
        """Close the guest's ends here, once they were sent."""
        messages.close(self.given)
        self.given = ()

    def receive(self, message: Message, descriptors: list[int]) -> None:
        """Take one reply; a wrong one counts as the end."""
        if "started" in message and not self.started.done():
            self._begin(descriptors)
            return
        messages.close(descriptors)
        if "error" in message and not self.started.done():
            self.started.set_exception(UnavailableError(f"the guest: {str(message['error'])[:200]}"))
        elif not self._ending.done():
            self._ending.set_result(_ending(message))

    def _begin(self, descriptors: list[int]) -> None:
        wanted = 1 if self._terminal else 0
        if len(descriptors) != wanted or not all(os.isatty(descriptor) for descriptor in descriptors) or self._closed:
            messages.close(descriptors)
            self.started.set_exception(UnavailableError("the guest broke the protocol"))
            return
        if self._terminal:
            os.set_blocking(descriptors[0], False)
            self._open["stdout"] = descriptors[0]
        self.started.set_result(None)

    def lose(self) -> None:
        """The guest is gone."""
        if not self.started.done():
            self.started.set_exception(UnavailableError("the sandbox has ended"))
        if not self._ending.done():
            self._ending.set_result(Ending(signal="KILL"))

    async def read(self, output: Output) -> bytes:
        """See `Process.read`."""
        descriptor = self._open.get(output)
        data = await pipes.read(descriptor) if descriptor is not None else b""
        if not data:
            self._at_end.add(output)
        return data

    async def write(self, data: bytes) -> None:
        """See `Process.write`."""
        descriptor = self._open.get("stdout" if self._terminal else "stdin")
        if descriptor is not None:
            try:
                await pipes.write(descriptor, data)
            except OSError:  # it reads no more
                await self.end_input()

    async def end_input(self) -> None:
        """See `Process.end_input`; a terminal's end of input is a control character of the client's."""
        descriptor = self._open.pop("stdin", None)
        if descriptor is not None:
            os.close(descriptor)

    def send_signal(self, name: str) -> None:
        """See `Process.send_signal`."""
        if name in SIGNALS and not self._ending.done():
            self._guest.tell({"id": self._number, "do": "signal", "signal": SIGNALS[name]})

    def resize(self, terminal: Terminal) -> None:
        """See `Process.resize`."""
        if self._terminal and "stdout" in self._open:
            pipes.resize(self._open["stdout"], terminal.size)

    async def wait(self) -> Ending:
        """See `Process.wait`."""
        return await asyncio.shield(self._ending)

    async def close(self) -> None:
        """See `Process.close`."""
        if self._closed:
            return
        self._closed = True
        whole = self._ending.done() and "stdout" in self._at_end
        self._guest.tell({"id": self._number, "do": "end", "kill": not whole})
        self._guest.forget(self._number)
        messages.close(list(self._open.values()))
        self._open.clear()
        if self.started.done() and not self.started.cancelled():
            self.started.exception()  # it was told to whoever waited


def _ending(message: Message) -> Ending:
    code, number = message.get("exit"), message.get("signal")
    if isinstance(number, int):
        return Ending(signal=NAMES.get(number, "KILL"))
    return Ending(exit_code=code & 0xFF if isinstance(code, int) else 255)
