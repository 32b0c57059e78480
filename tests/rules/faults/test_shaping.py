"""What a stream's faults make of its bytes: when each may go on, and whether it is still itself."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.rules.faults.fault import Fault
from emulator.rules.faults.kinds import (
    Corrupt,
    Delay,
    Effect,
    HalfClose,
    Mute,
    Rate,
    Slice,
    SlowClose,
    Stall,
    Truncate,
)
from emulator.rules.faults.shaping import NEVER, Piece, Shaper, shaper, split, through


def made(effect: Effect, *, seed: int = 1, began: float = 100.0) -> Shaper:
    """A shaper of this effect on the client's bytes of the hop's first connection."""
    return shaper(Fault("it", effect, "proxy", seed=seed), 1, "from-client", began)


def shaped(effect: Effect, *pieces: Piece, **options: Any) -> list[Piece]:
    """What becomes of these pieces."""
    return list(through([made(effect, **options)], pieces))


def all_of(pieces: Sequence[Piece]) -> bytes:
    """Their bytes."""
    return b"".join(piece.data for piece in pieces)


def test_a_delay_is_for_each_byte_and_the_end() -> None:
    """Bytes and FIN come so much later than they would have."""
    found = shaped(Delay(seconds=2), Piece(100, b"a"), Piece(101, b"b"), Piece(101))

    assert [piece.due for piece in found] == [102, 103, 103]


def test_jitter_never_reorders() -> None:
    """Jitter moves each segment, and none before the one ahead of it."""
    found = shaped(Delay(seconds=1, jitter=1), *(Piece(100, bytes(4000)) for _ in range(20)))

    dues = [piece.due for piece in found]
    assert dues == sorted(dues)
    assert len(set(dues)) > 5
    assert dues[0] >= 100
    assert dues[-1] <= 102


def test_a_rate_spreads_bytes_evenly() -> None:
    """A kilobyte a second: ten thousand bytes take ten seconds, in small steps."""
    found = shaped(Rate(kilobytes_per_second=1), Piece(100, bytes(10_000)))

    assert found[-1].due == pytest.approx(110)
    assert max(len(piece.data) for piece in found) == 20
    assert found[0].due == pytest.approx(100.02)


def test_a_rate_owes_nothing_to_silence() -> None:
    """After a pause bytes are no faster than the rate."""
    found = shaped(Rate(kilobytes_per_second=1), Piece(100, bytes(1000)), Piece(200, bytes(1000)))

    assert found[-1].due == pytest.approx(201)


def test_slices_have_their_size_and_distance() -> None:
    """Pieces of at most so many bytes, so far apart."""
    found = shaped(Slice(size=3, seconds=0.5), Piece(100, b"abcdefgh"))

    assert [(piece.due, piece.data) for piece in found] == [(100, b"abc"), (100.5, b"def"), (101, b"gh")]


def test_a_stall_lets_everything_go_at_its_end() -> None:
    """What came meanwhile goes on when it is over; what comes later, at once."""
    found = shaped(Stall(seconds=5), Piece(100, b"a"), Piece(104, b"b"), Piece(107, b"c"))

    assert [piece.due for piece in found] == [105, 105, 107]


def test_a_stall_without_an_end_waits_for_its_removal() -> None:
    """Nothing is ever due."""
    assert shaped(Stall(), Piece(100, b"a"))[0].due == NEVER


def test_a_slow_close_delays_the_end_alone() -> None:
    """Bytes pass at once, the FIN later."""
    found = shaped(SlowClose(seconds=9), Piece(100, b"a"), Piece(100))

    assert [piece.due for piece in found] == [100, 109]


def test_truncation_throws_bytes_away_and_keeps_the_end() -> None:
    """Of bytes and a FIN the FIN is left."""
    assert shaped(Truncate(), Piece(100, b"a"), Piece(101, b"b"), Piece(102)) == [Piece(102)]


def test_a_half_close_is_an_end_and_nothing_after() -> None:
    """The first piece becomes the end; later ones, a real end too, are nothing."""
    found = shaped(HalfClose(), Piece(100, b"a"), Piece(101, b"b"), Piece(102))

    assert found == [Piece(100)]


def test_corruption_turns_single_bits() -> None:
    """Length stays; about one byte in so many differs, by one bit."""
    found = all_of(shaped(Corrupt(every=100), Piece(100, bytes(100_000))))

    wrong = [byte for byte in found if byte]
    assert len(found) == 100_000
    assert 800 < len(wrong) < 1250
    assert all(byte.bit_count() == 1 for byte in wrong)


@given(cuts=st.lists(st.integers(0, 5000), max_size=20), seed=st.integers(0, 99))
def test_the_same_bytes_fare_the_same_however_they_are_read(cuts: list[int], seed: int) -> None:
    """Which bits turn hangs on the seed and the bytes' places alone."""
    stream = bytes(5000)
    stops = [*sorted(set(cuts)), 5000]
    pieces = [Piece(100, stream[start:stop]) for start, stop in zip([0, *stops], stops, strict=False) if start < stop]

    whole = all_of(shaped(Corrupt(every=50), Piece(100, stream), seed=seed))
    assert all_of(shaped(Corrupt(every=50), *pieces, seed=seed)) == whole
    assert all_of(shaped(Corrupt(every=50), *pieces, seed=seed + 1)) != whole


LOSSLESS = st.one_of(
    st.builds(Delay, seconds=st.floats(0, 5), jitter=st.floats(0, 5)),
    st.builds(Rate, kilobytes_per_second=st.floats(0.1, 100)),
    st.builds(Slice, size=st.integers(1, 500), seconds=st.floats(0, 1)),
    st.builds(Stall, seconds=st.floats(0.1, 60)),
    st.builds(SlowClose, seconds=st.floats(0, 60)),
)


@given(effects=st.lists(LOSSLESS, max_size=4), sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=6))
def test_what_loses_nothing_keeps_every_byte_in_order(effects: list[Effect], sizes: list[int]) -> None:
    """Any chain of such faults passes on the same bytes, each no earlier than it came, and then the end, once."""
    pieces = [Piece(100.0 + at, bytes([at + 1]) * size) for at, size in enumerate(sizes)]
    found = list(through([made(effect) for effect in effects], [*pieces, Piece(200)]))

    assert not any(effect.loses for effect in effects)
    assert all_of(found) == all_of(pieces)
    dues = [piece.due for piece in found]
    assert dues == sorted(dues)
    assert dues[0] >= 100
    assert [piece.is_end for piece in found] == [False] * (len(found) - 1) + [True]


def test_what_is_no_streams_fault_has_no_shaper() -> None:
    """A listener's fault does nothing to bytes."""
    with pytest.raises(TypeError, match="mute"):
        made(Mute())


def test_a_piece_is_cut_at_the_streams_own_places() -> None:
    """Where a stream is cut does not hang on where its pieces begin."""
    assert [part.data for part in split(Piece(0, b"abcdefgh"), 3, 1)] == [b"ab", b"cde", b"fgh"]
    assert list(split(Piece(5), 3)) == [Piece(5)]
