"""Questions for a name's addresses, and answers to them (RFC 1035, section 4).

Questions of other kinds, and messages that are none, have no answer here but that nothing is known.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from emulator.errors import PeerError

HEADER = struct.Struct("!HHHHHH")
IS_ANSWER, OPCODE, RECURSE, RECURSES = 0x8000, 0x7800, 0x0100, 0x0080
ADDRESS, INTERNET = 1, 1
MOST_LABEL, MOST_NAME = 63, 253
MOST_ADDRESSES = 25
"""More would not fit the 512 bytes of an answer (4.2.1)."""
FOUND, UNKNOWN_NAME, FAILED, NOT_PLAYED = 0, 3, 2, 4


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks.

    Attributes:
        number: the message's.
        name: in lower case, without a dot at its end.
        wants_address: whether it asks for IPv4 addresses.
        raw: the question as it stands in the message.
    """

    number: int
    name: str
    wants_address: bool
    raw: bytes
    flags: int


def question(message: bytes) -> Question:
    """The one question in a message.

    Raises:
        PeerError: it has none, or several, or is no question.
    """
    if len(message) < HEADER.size:
        raise PeerError("a question for a name is shorter than its header")
    number, flags, questions, *_ = HEADER.unpack_from(message)
    if flags & (IS_ANSWER | OPCODE) or questions != 1:
        raise PeerError("a message to a resolver is no single question")
    labels, at = [], HEADER.size
    while length := _byte(message, at):
        if length > MOST_LABEL or at + length >= len(message):
            raise PeerError("a question's name is cut off")
        labels.append(message[at + 1 : at + 1 + length])
        at += 1 + length
    end = at + 5
    if end > len(message):
        raise PeerError("a question for a name is cut off")
    kind, net = struct.unpack_from("!HH", message, at + 1)
    name = b".".join(labels).decode("ascii", "replace").lower()
    if len(name) > MOST_NAME:
        raise PeerError("a question's name is too long")
    return Question(number, name, kind == ADDRESS and net == INTERNET, message[HEADER.size : end], flags)


def _byte(message: bytes, at: int) -> int:
    if at >= len(message):
        raise PeerError("a question's name has no end")
    return message[at]


def answer(asked: Question, code: int, addresses: Sequence[IPv4Address] = (), *, seconds: int = 30) -> bytes:
    """The answer to a question: how it went, and addresses that may be kept for so many seconds."""
    given = addresses[:MOST_ADDRESSES]
    flags = IS_ANSWER | RECURSES | (asked.flags & RECURSE) | code
    head = HEADER.pack(asked.number, flags, 1, len(given), 0, 0)
    name = 0xC000 | HEADER.size
    records = (struct.pack("!HHHIH", name, ADDRESS, INTERNET, seconds, 4) + each.packed for each in given)
    return head + asked.raw + b"".join(records)
