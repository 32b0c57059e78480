"""Sealed bodies, by a session that only marks what it seals."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.machines.winrm import sealing


class Marks:
    """A session whose seal is readable."""

    def __init__(self, protocol: str = "application/HTTP-SPNEGO-session-encrypted") -> None:
        self.protocol = protocol

    def unwrap(self, signature: bytes, data: bytes) -> bytes:
        if signature != b"s" * 16:
            raise PeerError("another session's")
        return bytes(byte ^ 0xFF for byte in data)

    def wrap(self, data: bytes) -> tuple[bytes, bytes]:
        return b"s" * 16, bytes(byte ^ 0xFF for byte in data)


@given(st.binary(max_size=300))
def test_opens_what_was_sealed(envelope: bytes) -> None:
    """What one end seals, the other opens, whatever the bytes are."""
    content_type, body = sealing.seal(Marks(), envelope)

    assert sealing.is_sealed(content_type)
    assert sealing.open_sealed(Marks(), body) == envelope


@pytest.mark.parametrize("size", [0, 16384, 16385, 50000])
def test_credssp_splits_long_messages(size: int) -> None:
    """Beyond 16 KiB CredSSP's parts follow one another, each of that size at most."""
    session, envelope = Marks("application/HTTP-CredSSP-session-encrypted"), bytes(range(250)) * (size // 250)

    content_type, body = sealing.seal(session, envelope)

    assert ("multi-encrypted" in content_type) == (len(envelope) > 16384)
    assert body.count(b"OriginalContent") == max(1, -(-len(envelope) // 16384))
    assert sealing.is_sealed(content_type)
    assert sealing.open_sealed(session, body) == envelope


def test_knows_plain_bodies() -> None:
    """SOAP as it stands is not sealed."""
    assert not sealing.is_sealed("application/soap+xml;charset=UTF-8")


GOOD = sealing.seal(Marks(), b"envelope")[1]


@pytest.mark.parametrize(
    "body",
    [b"", b"garbage", GOOD[:-5], GOOD.replace(b"Length=8", b"Length=9"), GOOD.replace(b"ssss", b"tttt")],
    ids=["empty", "garbage", "cut", "length", "signature"],
)
def test_refuses_what_was_not_sealed_so(body: bytes) -> None:
    """A broken body, length or signature is refused."""
    with pytest.raises(PeerError):
        sealing.open_sealed(Marks(), body)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_damage_raises_only_our_error(at: int, byte: int) -> None:
    """A body with one byte replaced opens or is refused."""
    damaged = bytearray(GOOD)
    damaged[at] = byte

    with contextlib.suppress(PeerError):
        sealing.open_sealed(Marks(), bytes(damaged))
