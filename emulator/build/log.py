"""`customization.log` in the service's form: what Packer shows (OUT) and what it logs (ERR).

https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot quotes such lines; people search
them for `(telemetry)` and for Packer's own words (azure.md 1.9). Times are the emulated clock's: what Azure waits for
ten minutes takes ten minutes in them, whatever the time scale.
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO

from emulator.clock import Clock

BUILDER = "azure-arm"
"""The builder that the service runs, whose name stands in every line that people see."""
Told = Callable[[str], None]
"""Hears what people watch: Packer's output, without the build's GUID."""


def nobody(_: str) -> None:
    """Nobody watches."""


def out_line(guid: str, text: str) -> str:
    """A line of Packer's output."""
    return f"[{guid}] PACKER OUT {text}"


def err_line(guid: str, moment: datetime.datetime, text: str) -> str:
    """A line of Packer's log; it carries the time twice, for the plugin logs to the program that runs it."""
    stamp = moment.strftime("%Y/%m/%d %H:%M:%S")
    return f"[{guid}] PACKER ERR {stamp} packer: {stamp} {text}"


@dataclass(slots=True)
class Log:
    """One log file of a build.

    Attributes:
        guid: the build's.
        stream: where it is written, at once.
        began: wall time and emulated seconds of the build's start.
        told: hears the output, too.
        hidden: what must not be in it, as the account's password.
    """

    guid: str
    stream: IO[str]
    clock: Clock
    began: tuple[datetime.datetime, float]
    told: Told = nobody
    hidden: tuple[str, ...] = ()
    partial: dict[bool, bytes] = field(default_factory=dict)

    def out(self, text: str) -> None:
        """Packer says something in its own name, or in that of the builder: `==> azure-arm: …`."""
        text = self._without_secrets(text)
        self._write(out_line(self.guid, text))
        self.told(text)

    def step(self, text: str) -> None:
        """A heading of the builder."""
        self.out(f"==> {BUILDER}: {text}")

    def err(self, text: str) -> None:
        """Packer logs something."""
        moment = self.began[0] + datetime.timedelta(seconds=self.clock.now() - self.began[1])
        self._write(err_line(self.guid, moment, self._without_secrets(text)))

    def output(self, piece: bytes, is_error: bool) -> None:  # noqa: FBT001 - the form that channels call
        """A piece of a command's output; whole lines are written, the rest waits for its end."""
        *lines, rest = (self.partial.get(is_error, b"") + piece).split(b"\n")
        self.partial[is_error] = rest
        for line in lines:
            self._said(line, is_error=is_error)

    def end_output(self) -> None:
        """The command has ended: write what it left without a line's end."""
        for is_error, rest in self.partial.items():
            if rest:
                self._said(rest, is_error=is_error)
        self.partial.clear()

    def _said(self, line: bytes, *, is_error: bool) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        self.out(f"==> {BUILDER}: {text}" if is_error else f"    {BUILDER}: {text}")

    def _without_secrets(self, text: str) -> str:
        for secret in self.hidden:
            text = text.replace(secret, "<sensitive>")
        return text

    def _write(self, line: str) -> None:
        self.stream.write(line.replace("\n", " ") + "\n")
        self.stream.flush()
