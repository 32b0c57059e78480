"""A Windows build VM on loopback for tests."""

import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from emulator.machines import windows
from emulator.machines.settings import MachineSettings
from emulator.net.listener import bind
from emulator.observe import Event, Observation

SETTINGS = MachineSettings("windows", "build-windows", "10.60.0.9", "packer", "Pa55!wörd")


@dataclass(frozen=True, slots=True)
class Vm:
    """Where it listens, and what it reported."""

    settings: MachineSettings
    port: int
    detail: str
    events: list[Event]

    @property
    def url(self) -> str:
        """What a WinRM client dials."""
        return f"https://127.0.0.1:{self.port}/wsman"

    @property
    def observed(self) -> list[str]:
        """The names of the observations so far."""
        return [event.event for event in self.events if isinstance(event, Observation)]

    def dial(self) -> socket.socket:
        """A plain TCP connection to it; it gives up after ten seconds."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def dial_tls(self) -> ssl.SSLSocket:
        """A TLS connection to it, unverified."""
        return wrapped(self.dial())


def wrapped(connection: socket.socket) -> ssl.SSLSocket:
    """TLS on a connection, unverified."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(connection)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has just now."""
    with bind("127.0.0.1", 0) as bound:
        port: int = bound.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def windows_vm(**changes: object) -> AsyncIterator[Vm]:
    """A running VM; `changes` replace fields of `SETTINGS`."""
    settings = replace(SETTINGS, **changes)  # type: ignore[arg-type]
    events: list[Event] = []
    bound = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    async with windows.serving(settings, bound, events.append) as detail:
        yield Vm(settings, port, detail, events)
