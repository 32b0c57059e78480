"""Fragments of PowerShell remoting: cut as Windows cuts them, and put together again."""

import asyncio
import struct

import pytest

from emulator.machines.winrm import fragments
from emulator.machines.winrm.fragments import FRAGMENT_BYTES, HEADER, Assembler, FragmentStream, cut

PAYLOAD = FRAGMENT_BYTES - HEADER.size


def stream() -> FragmentStream:
    """One that nobody feeds or stops."""
    return FragmentStream(lambda _: None, lambda: None)


@pytest.mark.parametrize("size", [0, 1, PAYLOAD - 1, PAYLOAD, PAYLOAD + 1, 2 * PAYLOAD, 2 * PAYLOAD + 1])
def test_what_is_cut_is_put_together(size: int) -> None:
    """A message of any size arrives equal, in fragments that are no longer than Windows'."""
    message = bytes(number % 251 for number in range(size))
    pieces = list(cut(7, message))

    assert [len(piece) for piece in pieces[:-1]] == [FRAGMENT_BYTES] * (len(pieces) - 1)
    assert len(pieces) == max(1, -(-size // PAYLOAD))
    assert list(Assembler().feed(b"".join(pieces))) == [(7, message)]


def test_headers() -> None:
    """The first fragment is marked as the first, the last as the last, and they are counted from zero."""
    heads = [HEADER.unpack_from(piece) for piece in cut(3, bytes(2 * PAYLOAD + 5))]

    assert heads == [(3, 0, 1, PAYLOAD), (3, 1, 0, PAYLOAD), (3, 2, 2, 5)]
    assert [HEADER.unpack_from(piece) for piece in cut(3, b"x")] == [(3, 0, 3, 1)]


def test_objects_may_be_mixed() -> None:
    """Two messages whose fragments alternate are both complete at their ends."""
    first, second = list(cut(1, b"a" * (PAYLOAD + 1))), list(cut(2, b"b" * (PAYLOAD + 1)))
    assembler = Assembler()

    assert list(assembler.feed(first[0] + second[0] + second[1])) == [(2, b"b" * (PAYLOAD + 1))]
    assert list(assembler.feed(first[1])) == [(1, b"a" * (PAYLOAD + 1))]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x00" * 20, "without its whole header"),
        (HEADER.pack(1, 0, 3, 5) + b"four", "of 4 bytes that says it has 5"),
        (HEADER.pack(1, 1, 2, 1) + b"x", "fragment 1 of an object where 0 is due"),
        (HEADER.pack(1, 0, 1, 1) + b"x" + HEADER.pack(1, 0, 3, 1) + b"x", "fragment 0 of an object where 1 is due"),
    ],
)
def test_what_is_no_fragment_is_refused(data: bytes, why: str) -> None:
    """A fragment that is cut short or out of its turn is refused by what is wrong with it."""
    with pytest.raises(ValueError, match=why):
        list(Assembler().feed(data))


def test_what_does_not_end_is_refused() -> None:
    """Fragments without end are not held beyond Windows' limit, however many objects they are spread over."""
    assembler, piece = Assembler(), bytes(1 << 20)

    def begin() -> None:
        for number in range(12):
            list(assembler.feed(HEADER.pack(number, 0, 1, len(piece)) + piece))

    with pytest.raises(ValueError, match="more than 10 MB"):
        begin()
    # And there is room again.
    assert list(assembler.feed(next(cut(1, b"x")))) == [(1, b"x")]


def test_empty_fragments_count() -> None:
    """Fragments with nothing in them are held to the limit as well, by what their headers take."""
    assembler = Assembler()

    def begin() -> None:
        for number in range(fragments.MAX_OBJECT_BYTES // HEADER.size + 1):
            list(assembler.feed(HEADER.pack(number, 0, 1, 0)))

    with pytest.raises(ValueError, match="more than 10 MB"):
        begin()


async def test_a_read_takes_whole_fragments() -> None:
    """A read returns those fragments that fit, one at least, and says at the end that it was the last."""
    made = stream()
    made.put([b"a" * 10, b"b" * 10, b"c" * 30])
    made.end()

    taken = [await made.read(25), await made.read(5)]

    assert [[output.data[:1] for output in chunk.outputs] for chunk in taken] == [[b"a", b"b"], [b"c"]]
    assert [chunk.is_last for chunk in taken] == [False, True]


async def test_a_writer_waits_for_room() -> None:
    """Whoever writes more than may wait is held until somebody reads."""
    made = stream()
    made.put([bytes(fragments.MAX_WAITING_BYTES), b"x"])
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(made.drained())
        await asyncio.sleep(0)
        assert not waiting.done()

        await made.read(1)


def test_the_header_is_the_specifications() -> None:
    """An object's number and a fragment's number have eight bytes, the flags one, the length four, all big-endian."""
    piece = next(cut(0x0102, b"abc"))

    assert piece == struct.pack(">Q", 0x0102) + struct.pack(">Q", 0) + b"\x03" + struct.pack(">I", 3) + b"abc"
