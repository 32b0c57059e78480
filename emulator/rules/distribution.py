"""Which backend a flow goes to: a hash of the flow, never round robin.

Azure documents the tuples that are hashed, not the function
(https://learn.microsoft.com/azure/load-balancer/distribution-mode-concepts). Ours is rendezvous hashing: each
backend scores the flow and the highest score wins, so a flow keeps its backend while that is in the pool, and a
membership change moves only the flows that must move. All arithmetic is 32-bit and made of multiply, shift and
exclusive or, so that a socket filter can compute the same choice in the kernel (`emulator.net.filters`). The
source port goes in last: a filter compiles everything before it to one constant.
"""

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from emulator.model.balancer import Distribution
from emulator.model.flow import Flow

MASK = 0xFFFFFFFF
STEPS = ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1))
"""Shift right by the first, exclusive-or, multiply by the second (lowbias32, Wellons 2018, public domain)."""

Backend = TypeVar("Backend")


def mix(value: int) -> int:
    """Spread 32 bits over 32 bits, reversibly."""
    for shift, factor in STEPS:
        value ^= value >> shift
        value = value * factor & MASK
    return value


def prefix(flow: Flow, mode: Distribution) -> int:
    """Everything of the flow that the mode hashes, but for its source port."""
    if mode == "Default":
        fields = [int(flow.source), int(flow.destination), flow.destination_port, flow.protocol.number]
    elif mode == "SourceIP":
        fields = [int(flow.source), int(flow.destination)]
    else:
        fields = [int(flow.source), int(flow.destination), flow.protocol.number]
    value = 0
    for number in fields:
        value = mix(value ^ (number & MASK))
    return value


def score(flow_hash: int, backend_hash: int) -> int:
    """How much a backend wants a flow; the highest wins, the earlier of two equals."""
    return mix(flow_hash ^ backend_hash)


def flow_hash(flow: Flow, mode: Distribution) -> int:
    """The flow as 32 bits under a mode."""
    value = prefix(flow, mode)
    return mix(value ^ flow.source_port) if mode == "Default" else value


def backend_hash(name: str) -> int:
    """A backend as 32 bits; names are resource IDs, which Azure compares without case."""
    return mix(zlib.crc32(name.lower().encode()))


def order(
    flow: Flow, backends: Iterable[Backend], mode: Distribution, name: Callable[[Backend], str] = str
) -> Sequence[Backend]:
    """Backends in order of preference for `flow`; the caller takes the first that is eligible."""
    value = flow_hash(flow, mode)
    return sorted(backends, key=lambda backend: -score(value, backend_hash(name(backend))))
