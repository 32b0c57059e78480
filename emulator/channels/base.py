"""What every channel gives back, and what it is asked."""

from dataclasses import dataclass
from typing import Protocol

from emulator.errors import PeerError


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended on a build VM, and what it said.

    Attributes:
        exit_code: its exit code; 128 and the signal's number where a signal ended it, as in a shell.
        stdout: its standard output, as bytes.
        stderr: its standard error, as bytes.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes


class UnfinishedError(PeerError):
    """A command did not come to its end, in time or at all.

    Attributes:
        stdout: its standard output so far, as bytes.
        stderr: its standard error so far, as bytes.
    """

    def __init__(self, sentence: str, stdout: bytes, stderr: bytes) -> None:
        super().__init__(sentence)
        self.stdout = stdout
        self.stderr = stderr


class Channel(Protocol):
    """A way to run a command on a build VM."""

    async def run(self, command: str) -> Outcome:
        """Run one command to its end.

        Raises:
            UnfinishedError: the command began, and its end did not come.
            PeerError: the channel did not carry it; the message is a sentence that says why.
        """
        ...
