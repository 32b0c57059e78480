"""Ranges of ports: read, printed, and nothing else taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.ports import PortRange, port_range
from tests.worlds import port_ranges

# What Azure writes as a port: `*`, one port, or first-last.
RANGES = [
    ("*", PortRange(0, 65535)),
    ("0-65535", PortRange()),
    ("22", PortRange(22, 22)),
    ("0", PortRange(0, 0)),
    ("60000-60001", PortRange(60000, 60001)),
    ("60000 - 60001", PortRange(60000, 60001)),
]


@pytest.mark.parametrize(("text", "expected"), RANGES)
def test_ranges(text: str, expected: PortRange) -> None:
    """A range is read as Azure writes it."""
    assert port_range(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-", "22-", "-22", "65536", "2-1", "1-65536", "a", "1_0", "+1", "２２", "1-2-3", "٢"]
)
def test_no_ranges(text: str) -> None:
    """Anything else is refused, also what Python would take for a number."""
    with pytest.raises(ValueError, match="is not a port"):
        port_range(text)


@given(text=st.text(max_size=12))
def test_random_text(text: str) -> None:
    """Random text is a range within 0 to 65535, or a ValueError."""
    try:
        found = port_range(text)
    except ValueError:
        return
    assert 0 <= found.first <= found.last <= 65535


@given(ports=port_ranges, port=st.integers(0, 65535))
def test_printed_ranges_are_read_back(ports: PortRange, port: int) -> None:
    """A range prints as what reads as the same range, and contains from its first to its last port."""
    assert port_range(str(ports)) == ports
    assert (port in ports) == (ports.first <= port <= ports.last)
