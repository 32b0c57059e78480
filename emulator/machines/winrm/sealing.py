"""Sealed messages: MIME parts with a signature, as MS-WSMV 2.2.9.1 has them for SPNEGO and for CredSSP."""

import re
import struct
from collections.abc import Iterator
from typing import Protocol

from emulator.errors import PeerError
from emulator.wire.wsman.replies import CONTENT_TYPE

BOUNDARY = "Encrypted Boundary"
CHUNK_BYTES = 16384
"""What a part carries at most where a message has many; only CredSSP's has."""

_HEAD = re.compile(
    rb"\s*--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/HTTP-[A-Za-z]{1,16}-session-encrypted\r\n"
    rb"\s*OriginalContent:[^\r\n]*?Length=(\d{1,9})\r\n"
    rb"\s*--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/octet-stream\r\n",
    re.IGNORECASE,
)
_NEXT = re.compile(rb"(?:\r\n)?--\s*Encrypted Boundary(--)?(?:\r\n|\Z)")
_LENGTH = struct.Struct("<I")
MAX_SIGNATURE_BYTES = 1024


class Session(Protocol):
    """A finished login that can seal; `ntlm.Negotiation` and `credssp.Delegation` are two."""

    @property
    def protocol(self) -> str:
        """The MIME type of its parts."""

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """The message in sealed bytes; raises PeerError."""

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        """The signature and the sealed bytes of a message."""


def is_sealed(content_type: str) -> bool:
    """Whether a body of that type is sealed."""
    return content_type.casefold().startswith(("multipart/encrypted", "multipart/x-multi-encrypted"))


def open_sealed(session: Session, body: bytes) -> bytes:
    """The envelope in a sealed body.

    Raises:
        PeerError: it is not sealed in this session, or not as it should be.
    """
    opened = bytearray()
    for length, part in _parts(body):
        message = _opened(session, part)
        if len(message) != length:
            raise PeerError("a sealed part is not as long as it says")
        opened += message
    return bytes(opened)


def _parts(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Each part's own length and sealed bytes."""
    at = 0
    while True:
        head = _HEAD.match(body, at)
        if head is None:
            raise PeerError("a sealed body has not the two parts that it should have")
        length = int(head[1])
        # Sealed bytes are never shorter than what they hold, and might look like a boundary.
        end = _NEXT.search(body, head.end() + _LENGTH.size + length)
        if end is None:
            raise PeerError("a sealed body does not end")
        yield length, body[head.end() : end.start()]
        if end[1]:
            return
        at = end.start()


def _opened(session: Session, part: bytes) -> bytes:
    (size,) = _LENGTH.unpack_from(part)
    if not 0 < size <= min(MAX_SIGNATURE_BYTES, len(part) - _LENGTH.size):
        raise PeerError("a sealed part has no signature")
    return session.unwrap(part[_LENGTH.size : _LENGTH.size + size], part[_LENGTH.size + size :])


def seal(session: Session, envelope: bytes) -> tuple[str, bytes]:
    """The content type and the body that carry an envelope, sealed."""
    is_long = "CredSSP" in session.protocol and len(envelope) > CHUNK_BYTES
    size = CHUNK_BYTES if is_long else max(len(envelope), 1)
    parts = [_part(session, envelope[at : at + size]) for at in range(0, max(len(envelope), 1), size)]
    kind = "multipart/x-multi-encrypted" if is_long else "multipart/encrypted"
    body = b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()
    return f'{kind};protocol="{session.protocol}";boundary="{BOUNDARY}"', body


def _part(session: Session, message: bytes) -> bytes:
    signature, data = session.wrap(message)
    # The tabs are Windows', and pywinrm cuts them off by count.
    head = (
        f"--{BOUNDARY}\r\n\tContent-Type: {session.protocol}\r\n"
        f"\tOriginalContent: type={CONTENT_TYPE};Length={len(message)}\r\n"
        f"--{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    )
    return head.encode() + _LENGTH.pack(len(signature)) + signature + data
