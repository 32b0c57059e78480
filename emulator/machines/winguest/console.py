"""Where programs write and read: the two ends of a process without a window."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol


class Console(Protocol):
    """The standard streams of a program."""

    @property
    def encoding(self) -> str:
        """Python's name of the code page."""

    def write(self, stream: str, data: bytes) -> None:
        """Bytes for `stdout` or `stderr`."""

    async def drained(self) -> None:
        """Wait until there is room for more."""

    def standard_input(self) -> AsyncIterator[bytes]:
        """What comes in, until its end."""


class Kept:
    """A console that keeps what is written, for a program within another."""

    encoding = "utf-8"

    def __init__(self, given: bytes = b"") -> None:
        self.written: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._given = given

    def write(self, stream: str, data: bytes) -> None:
        """Keep it."""
        self.written[stream] += data

    async def drained(self) -> None:
        """There is always room."""
        await asyncio.sleep(0)

    async def standard_input(self) -> AsyncIterator[bytes]:
        """What was given."""
        if self._given:
            yield self._given

    def text(self, stream: str) -> str:
        """All of a stream, as text."""
        return self.written[stream].decode(self.encoding, "replace")


def encoding_of(code_page: str) -> str:
    """Python's name of a Windows code page; UTF-8 for one that it does not know."""
    import codecs

    names = {"65001": "utf-8", "1200": "utf-16-le"}
    name = names.get(code_page, f"cp{code_page}")
    try:
        codecs.lookup(name)
    except LookupError:
        return "utf-8"
    return name
