"""Port ranges and address spaces."""

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.ids import resource_id
from emulator.model.network import PortRange, Subnet, VirtualNetwork, port_range
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


def test_a_network_contains_its_prefixes() -> None:
    """A virtual network contains the addresses of each of its prefixes, and no other."""
    networks = (IPv4Network("10.0.0.0/24"), IPv4Network("10.2.0.0/24"))
    found = VirtualNetwork(resource_id("Microsoft.Network/virtualNetworks", "v"), networks)

    assert [IPv4Address(f"10.{each}.0.9") in found for each in range(4)] == [True, False, True, False]


def test_a_fresh_subnet() -> None:
    """A subnet has no group, and its private-link service policies are Enabled, until somebody changes them."""
    fresh = Subnet(
        resource_id("Microsoft.Network/virtualNetworks", "v").child("subnets", "s"), (IPv4Network("10.0.0.0/24"),)
    )

    assert (fresh.group, fresh.private_link_service_policies) == (None, "Enabled")
