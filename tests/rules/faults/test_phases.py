"""The phases of SSH and TLS connections, told from their bytes, however these are cut into reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.rules.faults.phases import Found, Phases

BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n"


def packet(kind: int, size: int = 40) -> bytes:
    """An SSH packet before encryption (RFC 4253, section 6): length, padding length, message."""
    body = bytes([4, kind]) + bytes(size)
    return len(body).to_bytes(4, "big") + body


def record(kind: int, size: int) -> bytes:
    """A TLS record (RFC 8446, section 5.1)."""
    return bytes([kind, 3, 3]) + size.to_bytes(2, "big") + bytes(size)


SSH = BANNER + packet(20, 1000) + packet(30) + packet(21, 0) + b"encrypted"
TLS = record(22, 500) + record(20, 1) + record(23, 60) + record(23, 900)


def found(stream: bytes, cuts: list[int], *, from_client: bool) -> Found:
    """The phases in a stream that is read in these pieces, at their places in the whole."""
    phases, at = Phases(from_client=from_client), 0
    result: Found = []
    for stop in [*sorted({min(cut, len(stream)) for cut in cuts}), len(stream)]:
        result += [(phase, at + offset) for phase, offset in phases.feed(stream[at:stop])]
        at = stop
    return result


def test_an_ssh_server_begins_with_its_banner() -> None:
    """The banner is at the first byte, the key exchange behind its line; new keys are the client's to announce."""
    assert found(SSH, [], from_client=False) == [("banner", 0), ("handshake", len(BANNER))]


def test_an_ssh_clients_login_follows_its_new_keys() -> None:
    """Behind SSH_MSG_NEWKEYS all is the login."""
    assert found(SSH, [], from_client=True) == [("handshake", len(BANNER)), ("login", len(SSH) - 9)]


def test_tls_begins_with_the_clients_hello() -> None:
    """The handshake is at the first byte, the login at the first record of application data."""
    assert found(TLS, [], from_client=True) == [("handshake", 0), ("login", 505 + 6)]
    assert found(TLS, [], from_client=False) == []


@pytest.mark.parametrize("stream", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x02\x00\x00", b"", b"SSH", b"\x00" * 64])
def test_other_bytes_have_no_phase(stream: bytes) -> None:
    """What is neither SSH nor TLS has no phases; nor what ends before it is known."""
    assert found(stream, [], from_client=True) == []


@given(cuts=st.lists(st.integers(0, len(SSH)), max_size=30), from_client=st.booleans())
def test_reads_may_cut_anywhere(cuts: list[int], from_client: bool) -> None:  # noqa: FBT001 - hypothesis
    """However it is read, each phase is found once, and not before its place in the stream."""
    whole = found(SSH, [], from_client=from_client)
    cut = found(SSH, cuts, from_client=from_client)

    assert [phase for phase, _ in cut] == [phase for phase, _ in whole]
    assert all(late >= exact for (_, late), (_, exact) in zip(cut, whole, strict=True))


@given(st.binary(max_size=400), st.booleans(), st.sampled_from([b"", b"SSH-", BANNER, b"\x16\x03\x01"]))
def test_random_bytes_are_borne(stream: bytes, from_client: bool, head: bytes) -> None:  # noqa: FBT001 - hypothesis
    """No bytes raise anything, and every place lies within them."""
    assert all(0 <= at <= len(head + stream) for _, at in found(head + stream, [3, 50], from_client=from_client))
