"""Sets of addresses as sorted, disjoint ranges of whole numbers; every address is IPv4."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

Range = tuple[int, int]
"""First and last, inclusive."""
EVERY_ADDRESS: Sequence[Range] = ((0, 0xFFFFFFFF),)
EVERY_PORT: Sequence[Range] = ((0, 65535),)


def of_networks(networks: Iterable[IPv4Network | IPv6Network]) -> list[Range]:
    """The ranges of networks; those of IPv6 have no part in an IPv4 decision."""
    return [
        (int(net.network_address), int(net.broadcast_address)) for net in networks if isinstance(net, IPv4Network)
    ]


def united(ranges: Iterable[Range]) -> list[Range]:
    """The same set in sorted, disjoint ranges."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def outside(ranges: Iterable[Range]) -> list[Range]:
    """Every address that is in none of the ranges."""
    gaps, start = [], 0
    for first, last in united(ranges):
        if first > start:
            gaps.append((start, first - 1))
        start = last + 1
    return [*gaps, (start, 0xFFFFFFFF)] if start <= 0xFFFFFFFF else gaps


def contains(ranges: Iterable[Range], value: int) -> bool:
    """Whether a number is in one of the ranges."""
    return any(first <= value <= last for first, last in ranges)
