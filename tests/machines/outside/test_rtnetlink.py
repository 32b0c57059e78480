"""Messages to the kernel about interfaces, routes and rules, where they can be looked at without any rights."""

import struct

import pytest

from emulator.machines.outside.rtnetlink import Match, Netlink, attribute

pytestmark = pytest.mark.network


def test_an_attribute_is_padded() -> None:
    """Its length is its own, and the next begins at a multiple of four."""
    assert attribute(3, b"eth0\0") == struct.pack("=HH", 9, 3) + b"eth0\0\0\0\0"
    assert attribute(1, b"1234") == struct.pack("=HH", 8, 1) + b"1234"


def test_what_the_kernel_refuses_is_an_error() -> None:
    """A rule that is not there cannot be removed, whatever rights one has."""
    netlink = Netlink()
    try:
        with pytest.raises(OSError, match=r"No such|not permitted"):
            netlink.remove_rule(Match(6, "203.0.113.50", 443, "10.60.0.8", 40000), 61)
    finally:
        netlink.close()
