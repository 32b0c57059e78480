"""Communicators for tests: one that answers from a table and remembers, as a transcript."""

import datetime
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.build.log import Log
from emulator.channels.ssh_session import DisconnectedError
from emulator.clock import Clock


@dataclass
class Scripted:
    """Answers each command by the first of `answers` whose key is in it: an exit code, or -1 for a disconnect."""

    answers: Mapping[str, int] = field(default_factory=dict)
    says: Mapping[str, bytes] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    async def run(self, command: str, say: Callable[[bytes, bool], None]) -> int:
        self.heard.append(command)
        for key, text in self.says.items():
            if key in command:
                say(text, False)
        code = next((code for key, code in self.answers.items() if key in command), 0)
        if code < 0:
            raise DisconnectedError("gone")
        return code

    async def upload(self, content: bytes, path: str) -> None:
        self.heard.append(f"upload {path}")
        self.files[path] = content


def log(scale: float = 1000) -> tuple[Log, io.StringIO]:
    """A log, and what is written to it; needs a running loop."""
    stream, clock = io.StringIO(), Clock(scale)
    return Log("g", stream, clock, (datetime.datetime.now(datetime.UTC), clock.now())), stream
