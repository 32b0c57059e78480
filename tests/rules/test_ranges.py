"""Sets of addresses: the same set in order, and its complement."""

from ipaddress import ip_network
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from emulator.rules import ranges
from emulator.rules.ranges import Range

LAST = 0xFFFFFFFF
numbers = st.integers(0, 40) | st.integers(LAST - 3, LAST)
several = st.lists(st.tuples(numbers, numbers).map(lambda both: (min(both), max(both))), max_size=6)


@given(found=several, value=numbers)
def test_united(found: list[Range], value: int) -> None:
    """Ranges united contain what they contained, are sorted, and leave gaps between them."""
    united = ranges.united(found)

    assert ranges.contains(united, value) == ranges.contains(found, value)
    assert all(one[1] + 1 < two[0] for one, two in pairwise(united))


@given(found=several, value=numbers)
def test_outside(found: list[Range], value: int) -> None:
    """An address is in the ranges or outside them, never both; outside of the outside is inside."""
    outside = ranges.outside(found)

    assert ranges.contains(outside, value) != ranges.contains(found, value)
    assert ranges.outside(outside) == ranges.united(found)


def test_networks() -> None:
    """A network is the range of its addresses; one of IPv6 is none."""
    networks = [ip_network("10.0.0.0/30"), ip_network("2001:db8::/32"), ip_network("0.0.0.0/0")]

    assert ranges.of_networks(networks) == [(167772160, 167772163), (0, LAST)]
    assert ranges.of_networks(networks[2:]) == list(ranges.EVERY_ADDRESS)
    assert ranges.outside(ranges.EVERY_ADDRESS) == []
