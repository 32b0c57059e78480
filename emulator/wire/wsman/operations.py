"""What a client can ask of WinRM, one value each, and the envelope that asks it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identify:
    """Who are you? Needs no shell, and has no headers."""


@dataclass(frozen=True, slots=True)
class Create:
    """Open a shell.

    Attributes:
        shell_id: the client's wish, or empty.
        environment: variables, in order.
        working_directory: where commands start, or empty.
        idle_timeout: seconds, or None.
        lifetime: seconds after which the shell is closed whatever happens in it, or None.
        name: what the client calls it, or empty.
        input_streams, output_streams: names, separated by spaces.
        creation: PowerShell's first messages, or empty.
    """

    shell_id: str
    environment: tuple[tuple[str, str], ...] = ()
    working_directory: str = ""
    idle_timeout: float | None = None
    lifetime: float | None = None
    name: str = ""
    input_streams: str = "stdin"
    output_streams: str = "stdout stderr"
    creation: bytes = b""


@dataclass(frozen=True, slots=True)
class Command:
    """Start a command; `command_id` is the client's wish or empty."""

    command_id: str
    line: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """Bytes for a command's standard input, or the shell's; `end` says there will be no more."""

    command_id: str
    name: str
    data: bytes
    end: bool


@dataclass(frozen=True, slots=True)
class Send:
    """Input for commands."""

    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Receive:
    """Ask for output, waiting until there is some; `command_id` is empty where the client named none."""

    command_id: str


@dataclass(frozen=True, slots=True)
class Signal:
    """Interrupt or end a command; `code` is the last part of the URI, in lower case."""

    command_id: str
    code: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Close a shell."""


@dataclass(frozen=True, slots=True)
class Get:
    """How is that shell, or that configuration?"""


@dataclass(frozen=True, slots=True)
class Enumerate:
    """Which shells are there; or, with a shell's ID, which commands in it?"""

    shell_id: str


@dataclass(frozen=True, slots=True)
class Connect:
    """Take over a disconnected shell, or a command in it; `connection` is PowerShell's messages, or empty."""

    command_id: str
    connection: bytes


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Leave a shell as it is; `idle_timeout` is seconds, or None."""

    idle_timeout: float | None


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Come back to a shell that the same client left."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An action that nobody here knows."""


InShell = Command | Send | Receive | Signal | Delete | Connect | Disconnect | Reconnect
"""What is asked of a shell that must be there."""
Operation = Identify | Create | InShell | Get | Enumerate | Unsupported


@dataclass(frozen=True, slots=True)
class Request:
    """One envelope.

    Attributes:
        action: the URI in `a:Action`, empty for Identify.
        message_id: `a:MessageID`, verbatim.
        resource: `w:ResourceURI`.
        shell_id: the selector `ShellId`, or empty.
        options: `w:Option` by upper-case name.
        operation_timeout: seconds that the client gives the answer; None where it does not say.
        max_envelope_bytes: the largest reply that the client takes.
        operation: what is asked.
    """

    action: str
    message_id: str
    resource: str
    shell_id: str
    options: Mapping[str, str]
    operation_timeout: float | None
    max_envelope_bytes: int
    operation: Operation
