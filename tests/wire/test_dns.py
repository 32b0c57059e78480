"""Questions for names, and answers."""

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import PeerError
from emulator.wire import dns


def asking(name: str, *, kind: int = dns.ADDRESS, number: int = 7, flags: int = 0x0100) -> bytes:
    """A question as a resolver's client writes it."""
    labels = b"".join(bytes([len(each)]) + each.encode() for each in name.split("."))
    return struct.pack("!HHHHHH", number, flags, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!HH", kind, 1)


def test_a_question_is_read() -> None:
    """Number, name in lower case, and whether it is for an address."""
    asked = dns.question(asking("WWW.Example.com"))

    assert (asked.number, asked.name, asked.wants_address) == (7, "www.example.com", True)
    assert not dns.question(asking("example.com", kind=28)).wants_address


def test_what_follows_a_question_is_left_alone() -> None:
    """A client's EDNS record behind the question is neither read nor answered."""
    message = asking("example.com")

    assert dns.question(message + b"\0\0\x29\x10\0\0\0\0\0\0\0").raw == message[12:]


def test_an_answer_repeats_the_question() -> None:
    """Number, question, the answer's bits, and each address by a pointer to the name (RFC 1035, 4.1)."""
    message = asking("example.com")
    reply = dns.answer(dns.question(message), dns.FOUND, [IPv4Address("192.0.2.1")], seconds=60)

    assert struct.unpack_from("!HHHHHH", reply) == (7, 0x8180, 1, 1, 0, 0)
    assert reply[12 : len(message)] == message[12:]
    assert reply[len(message) :] == bytes.fromhex("c00c 0001 0001 0000003c 0004 c0000201")


def test_an_answer_fits_a_packet() -> None:
    """However many addresses a name has, 512 bytes are enough for what is said of the longest one."""
    longest = ".".join(["a" * 20] * 4)
    reply = dns.answer(dns.question(asking(longest)), dns.FOUND, [IPv4Address(each) for each in range(1, 100)])

    assert len(reply) <= 512


@pytest.mark.parametrize(
    "message",
    [b"", b"\0" * 12, asking("a", flags=0x8000), asking("a")[:-1], asking("a")[:13], asking("a" * 64)],
)
def test_what_is_no_question_is_refused(message: bytes) -> None:
    """Short, an answer, cut off, or with a label that is too long."""
    with pytest.raises(PeerError):
        dns.question(message)


@given(st.binary(max_size=600))
def test_anything_is_read_or_refused(message: bytes) -> None:
    """Random bytes raise our error alone."""
    try:
        asked = dns.question(message)
    except PeerError:
        return
    assert dns.question(message) == asked
