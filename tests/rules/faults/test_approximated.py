"""Packet faults without filters: late bytes, as TCP's retransmissions make them, never lost ones."""

import pytest

from emulator.rules.faults.approximated import approximation
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.kinds import BurstLoss, Delay, Effect, Loss, Mtu, OneWay
from emulator.rules.faults.shaping import NEVER, Piece, through


def shaped(effect: Effect, *pieces: Piece) -> list[Piece]:
    """What becomes of these pieces, from time 100 on."""
    return list(through([approximation(Fault("it", effect, "proxy", seed=3), 1, "to-client", 100)], pieces))


def test_loss_makes_some_segments_late() -> None:
    """Some come at once, some after a retransmission or more; all in order."""
    found = shaped(Loss(percent=20), *(Piece(100 + 10 * at, bytes(1448)) for at in range(100)))

    late = [piece.due - 100 - 10 * at for at, piece in enumerate(found)]
    assert 10 <= sum(each > 0 for each in late) <= 35
    assert all(each == 0 or each >= 0.199 for each in late)
    assert b"".join(piece.data for piece in found) == bytes(144_800)


def test_with_every_packet_lost_nothing_arrives() -> None:
    """TCP tries in vain."""
    assert shaped(Loss(percent=100), Piece(100, b"x"))[0].due == NEVER


def test_a_burst_holds_until_it_is_over() -> None:
    """Within a burst bytes wait for its end, between bursts they pass."""
    found = shaped(BurstLoss(seconds=2, between=3), Piece(100.5, b"a"), Piece(103, b"b"), Piece(106, b"c"))

    assert [piece.due for piece in found] == [102, 103, 107]


def test_behind_a_packet_that_is_too_large_nothing_passes() -> None:
    """Small ones pass until a large one is stuck; then none does."""
    found = shaped(Mtu(size=1400), Piece(100, bytes(1360)), Piece(101, bytes(1361)), Piece(102, b"x"))

    assert [piece.due for piece in found] == [100, NEVER, NEVER]


def test_one_way_is_silence() -> None:
    """Nothing of that direction arrives."""
    assert shaped(OneWay(), Piece(100, b"x"))[0].due == NEVER


def test_others_are_no_packet_faults() -> None:
    """A delay needs no approximation."""
    with pytest.raises(TypeError, match="delay"):
        shaped(Delay(seconds=1), Piece(100))
