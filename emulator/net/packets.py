"""Packet faults as a socket filter: the kernel drops what they are to lose before TCP sees it.

A filter sees the packets that come in on a socket. Loopback and veth carry segments of up to 64 KiB in one piece
(segmentation offload), so a limit on their size is met by those of a bulk transfer, not at the exact byte.
"""

import struct
from collections.abc import Iterable

from emulator.net.filters import DROP, JA, JGE, JGT, LD_WORD, LET_IN, RET, Instruction
from emulator.rules.faults.kinds import BurstLoss, Effect, Loss, Mtu, OneWay

LD_LENGTH = 0x80
SKF_AD_RANDOM = 0xFFFFF000 + 56
"""Where a load finds a random number (linux/filter.h: SKF_AD_OFF + SKF_AD_RANDOM)."""
IP_HEADER = 20
"""A filter at a TCP socket sees the packet from its TCP header on; a path's MTU counts the IP header too."""


def compile_packets(effects: Iterable[Effect]) -> bytes | None:
    """The program that loses what these effects lose; None when that is nothing."""
    program = [instruction for effect in effects for instruction in _lose(effect)]
    if not program:
        return None
    return b"".join(struct.pack("HBBI", *each) for each in (*program, (RET, 0, 0, LET_IN)))


def _lose(effect: Effect) -> list[Instruction]:
    """Return at once with a drop, or fall through."""
    match effect:
        case OneWay() | BurstLoss() | Loss(percent=100):
            return [(RET, 0, 0, DROP)]
        case Loss(percent=percent):
            least = int((100 - percent) / 100 * 2**32)
            return [(LD_WORD, 0, 0, SKF_AD_RANDOM), (JGE, 0, 1, min(least, 2**32 - 1)), (RET, 0, 0, DROP)]
        case Mtu(size=size):
            return [(LD_LENGTH, 0, 0, 0), (JGT, 0, 1, size - IP_HEADER), (RET, 0, 0, DROP)]
    return [(JA, 0, 0, 0)]
