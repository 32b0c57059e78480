"""Messages sealed by NTLM: MIME parts with a signature, as HTTP-SPNEGO-session-encrypted asks for."""

import re
import struct
from typing import Protocol

from emulator.errors import PeerError
from emulator.wire.wsman.replies import CONTENT_TYPE

PROTOCOL = "application/HTTP-SPNEGO-session-encrypted"
BOUNDARY = "Encrypted Boundary"

_HEAD = re.compile(
    rb"\s*--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/HTTP-SPNEGO-session-encrypted\r\n"
    rb"\s*OriginalContent:[^\r\n]*?Length=(\d{1,9})\r\n"
    rb"\s*--\s*Encrypted Boundary\r\n"
    rb"\s*Content-Type:\s*application/octet-stream\r\n",
    re.IGNORECASE,
)
_TAIL = re.compile(rb"(?:\r\n)?--\s*Encrypted Boundary--(?:\r\n)?\Z")
_LENGTH = struct.Struct("<I")
_SIGNATURE_BYTES = 16


class Session(Protocol):
    """A finished login that can seal; `ntlm.Negotiation` is one."""

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        """The message in sealed bytes; raises PeerError."""

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        """The signature and the sealed bytes of a message."""


def is_sealed(content_type: str) -> bool:
    """Whether a body of that type is sealed."""
    return content_type.casefold().startswith("multipart/encrypted")


def open_sealed(session: Session, body: bytes) -> bytes:
    """The envelope in a sealed body.

    Raises:
        PeerError: it is not sealed in this session, or not as it should be.
    """
    head, tail = _HEAD.match(body), _TAIL.search(body)
    if head is None or tail is None or tail.start() < head.end() + _LENGTH.size:
        raise PeerError("a sealed body has not the two parts that it should have")
    part = body[head.end() : tail.start()]
    (size,) = _LENGTH.unpack_from(part)
    if size != _SIGNATURE_BYTES or len(part) < _LENGTH.size + size:
        raise PeerError("a sealed body has no signature")
    message = session.unwrap(part[_LENGTH.size : _LENGTH.size + size], part[_LENGTH.size + size :])
    if len(message) != int(head[1]):
        raise PeerError("a sealed body is not as long as it says")
    return message


def seal(session: Session, envelope: bytes) -> tuple[str, bytes]:
    """The content type and the body that carry an envelope, sealed."""
    signature, data = session.wrap(envelope)
    # The tabs are Windows', and pywinrm cuts them off by count.
    original = f"OriginalContent: type={CONTENT_TYPE};Length={len(envelope)}"
    head = (
        f"--{BOUNDARY}\r\n\tContent-Type: {PROTOCOL}\r\n\t{original}\r\n"
        f"--{BOUNDARY}\r\n\tContent-Type: application/octet-stream\r\n"
    )
    body = head.encode() + _LENGTH.pack(len(signature)) + signature + data + f"--{BOUNDARY}--\r\n".encode()
    return f'multipart/encrypted;protocol="{PROTOCOL}";boundary="{BOUNDARY}"', body
