"""Which phase of its life a connection is in, told from its bytes: SSH's banner, key exchange and login; TLS's.

SSH: RFC 4253, sections 4.2 (version exchange), 6 (packets), 7.1 and 7.3 (SSH_MSG_KEXINIT, SSH_MSG_NEWKEYS). TLS:
RFC 8446, sections 5.1 (records) and 5.2: from the handshake's end on, records are of type application_data.
"""

from collections.abc import Generator
from typing import Literal, get_args

Phase = Literal["connect", "banner", "handshake", "login"]
"""`banner`: the server's SSH version line. `handshake`: SSH's key exchange, or TLS's ClientHello. `login`: what the
client sends first under the new keys."""
PHASES: tuple[Phase, ...] = get_args(Phase)
NEWKEYS = 21
HANDSHAKE, APPLICATION = 22, 23
LONGEST_PACKET = 1 << 18
"""More than any SSH packet or TLS record: beyond it the bytes are something else."""

Found = list[tuple[Phase, int]]
_Steps = Generator[int, bytes, None]


class Phases:
    """Follows one direction of a connection.

    Args:
        from_client: whose bytes these are.
    """

    def __init__(self, *, from_client: bool) -> None:
        self._from_client = from_client
        self._found: Found = []
        self._offset = 0
        self._held = b""
        self._steps: _Steps | None = self._follow()
        self._wanted = next(self._steps)

    def feed(self, data: bytes) -> Found:
        """The phases that begin within `data`, and at which of its bytes; a phase may begin in bytes before it.

        Such a one is said to begin at 0.
        """
        before = self._offset
        self._offset += len(data)
        self._held += data
        while self._steps is not None and len(self._held) >= self._wanted:
            taken, self._held = self._held[: self._wanted], self._held[self._wanted :]
            try:
                self._wanted = self._steps.send(taken)
            except StopIteration:
                self._steps, self._held = None, b""
        if self._steps is None:
            self._held = b""
        found, self._found = self._found, []
        return [(phase, max(0, at - before)) for phase, at in found]

    def _here(self, phase: Phase, back: int = 0) -> None:
        """A phase began `back` bytes before what is held."""
        self._found.append((phase, self._offset - len(self._held) - back))

    def _follow(self) -> _Steps:
        first = yield 4
        if first == b"SSH-":
            yield from self._ssh()
        elif first[0] == HANDSHAKE and first[1] == 3:
            yield from self._tls(first)

    def _ssh(self) -> _Steps:
        if not self._from_client:
            self._here("banner", 4)
        while (yield 1) != b"\n":
            pass
        self._here("handshake")
        while True:
            head = yield 6
            size = int.from_bytes(head[:4], "big")
            if not 2 <= size <= LONGEST_PACKET:
                return
            yield size - 2
            if head[5] == NEWKEYS:
                if self._from_client:
                    self._here("login")
                return

    def _tls(self, first: bytes) -> _Steps:
        if not self._from_client:
            return
        self._here("handshake", 4)
        head = first + (yield 1)
        while head[0] != APPLICATION:
            yield int.from_bytes(head[3:], "big")
            head = yield 5
        self._here("login", 5)
