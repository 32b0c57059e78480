"""Packet faults where the kernel allows no filter: what their senders would feel, on bytes already acknowledged.

Lost bytes are not lost to TCP but late: it sends them again, after 200 ms at the earliest (Linux's TCP_RTO_MIN), and
what is behind them waits.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

from emulator.rules.faults.fault import Fault, Way, draw
from emulator.rules.faults.kinds import BurstLoss, Loss, Mtu, OneWay
from emulator.rules.faults.shaping import NEVER, SEGMENT, Piece, Shaper, split

SENT_AGAIN = 0.2
"""Seconds until TCP sends a lost segment again."""
TRIES = 15
"""Linux's tcp_retries2: how often, before it gives up."""
HEADERS = 40
"""Bytes of IPv4 and TCP headers without options."""


class _Lost:
    """Each segment is as late as it takes to get through, each try twice as long as the one before."""

    def __init__(self, percent: float, chance: Callable[[int], float]) -> None:
        self._share = percent / 100
        self._chance = chance
        self._offset = 0
        self._last = 0.0

    def shape(self, piece: Piece) -> Iterator[Piece]:
        for part in split(piece, SEGMENT, self._offset):
            late = self._late(self._offset // SEGMENT) if part.data else 0.0
            self._offset += len(part.data)
            self._last = max(self._last, part.due + late)
            yield replace(part, due=self._last)

    def _late(self, segment: int) -> float:
        for tries in range(TRIES):
            if self._chance(segment * TRIES + tries) >= self._share:
                return SENT_AGAIN * ((1 << tries) - 1)
        return NEVER


class _Burst:
    def __init__(self, effect: BurstLoss, began: float) -> None:
        self._effect = effect
        self._began = began

    def shape(self, piece: Piece) -> Iterator[Piece]:
        effect = self._effect
        within = (piece.due - self._began) % (effect.seconds + effect.between)
        yield replace(piece, due=piece.due + max(0.0, effect.seconds - within))


class _TooLarge:
    """Once a packet is too large, it and all that is behind it never arrive."""

    def __init__(self, effect: Mtu) -> None:
        self._most = effect.size - HEADERS
        self._stuck = False

    def shape(self, piece: Piece) -> Iterator[Piece]:
        self._stuck = self._stuck or len(piece.data) > self._most
        yield replace(piece, due=NEVER) if self._stuck else piece


class _Nothing:
    def shape(self, piece: Piece) -> Iterator[Piece]:
        yield replace(piece, due=NEVER)


def approximation(fault: Fault, number: int, way: Way, began: float) -> Shaper:
    """A packet fault as a shaper; see `shaping.shaper`.

    Raises:
        TypeError: the effect is none on packets.
    """
    match fault.effect:
        case Loss(percent=percent):
            return _Lost(percent, lambda index: draw(fault.seed, fault.name, number, way, index))
        case BurstLoss() as effect:
            return _Burst(effect, began)
        case Mtu() as effect:
            return _TooLarge(effect)
        case OneWay():
            return _Nothing()
    raise TypeError(f"{fault.effect.kind} does nothing to packets")
