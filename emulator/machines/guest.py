"""What a machine does with a command: start it, feed it, tell how it ended.

Backends: `sandbox` (kernel namespaces) and `builtin` (a small shell over files in memory). A machine's protocol
(SSH) knows only this module.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from emulator.machines.builtin.filesystem import MemoryFiles

Output = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal's kind and size, in characters and pixels."""

    kind: str
    columns: int = 80
    rows: int = 24
    width: int = 0
    height: int = 0

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Columns, rows, width, height; each as the kernel holds it."""
        return tuple(min(max(value, 0), 65535) for value in (self.columns, self.rows, self.width, self.height))  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Command:
    """What a client asks a machine to run.

    Attributes:
        line: a shell line; None for a login shell.
        subsystem: `sftp` for the file-transfer program instead; else empty.
        environment: the client's wishes; the guest's own variables win where they must.
        terminal: the terminal to give it, if any.
    """

    line: str | None = None
    subsystem: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    terminal: Terminal | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended: an exit code, or the name of a signal (`TERM`, not `SIGTERM`)."""

    exit_code: int = 0
    signal: str = ""


class Process(Protocol):
    """A command that was started; `close` it whatever happens."""

    async def read(self, output: Output) -> bytes:
        """The next bytes of an output; empty at its end. A terminal has only `stdout`."""
        ...

    async def write(self, data: bytes) -> None:
        """Give it input, waiting while it takes none; without effect once it has closed its input."""
        ...

    async def end_input(self) -> None:
        """Let it read the end of its input."""
        ...

    def send_signal(self, name: str) -> None:
        """Signal its process group; `name` as in SSH (`TERM`). Unknown names have no effect."""
        ...

    def resize(self, terminal: Terminal) -> None:
        """Give its terminal another size."""
        ...

    async def wait(self) -> Ending:
        """How it ended; called once, and a backend may do its work in it."""
        ...

    async def close(self) -> None:
        """Release it; kill what still runs unless it ended by itself with its outputs read to the end."""
        ...


class Guest(Protocol):
    """Something that runs commands and is not this machine."""

    @property
    def name(self) -> str:
        """The backend: `sandbox` or `builtin`."""
        ...

    @property
    def detail(self) -> str:
        """One line for `doctor` and `status`: what isolates it, and why not something better."""
        ...

    @property
    def files(self) -> MemoryFiles | None:
        """Its files, where they are in this process's memory; None where file transfer is a command in the guest."""
        ...

    async def start(self, command: Command) -> Process:
        """Start a command.

        Raises:
            UnavailableError: the guest cannot start anything (any more).
        """
        ...
