"""Where traffic really goes."""

import socket
from ipaddress import IPv4Address

import pytest

from emulator.app.outbound.atlas import STAND_INS, Atlas, is_own

pytestmark = pytest.mark.network
ADDRESS = IPv4Address("203.0.113.7")


def test_a_mapped_port_goes_before_its_address() -> None:
    """`ADDRESS:PORT` is more exact than `ADDRESS`; other addresses are not mapped."""
    atlas = Atlas({"203.0.113.7": "127.0.0.1:1", "203.0.113.7:443": "[::1]:2"})

    assert atlas.mapped(ADDRESS, 443) == ("::1", 2)
    assert atlas.mapped(ADDRESS, 80) == ("127.0.0.1", 1)
    assert atlas.mapped(IPv4Address("203.0.113.8"), 80) is None


def test_a_mapped_name_has_a_stand_in() -> None:
    """Each name, whatever its case and ports, has one address of its own, which is mapped as the name is."""
    atlas = Atlas({"Example.com:80": "127.0.0.1:1", "example.com:443": "127.0.0.1:2", "other.example": "127.0.0.1:3"})
    first, second = atlas.stand_in("example.com"), atlas.stand_in("other.example")

    assert first
    assert second
    assert {first in STAND_INS, second in STAND_INS} == {True}
    assert first != second
    assert atlas.mapped(first, 80) == ("127.0.0.1", 1)
    assert atlas.mapped(first, 443) == ("127.0.0.1", 2)
    assert atlas.mapped(first, 22) is None
    assert atlas.stand_in("example.org") is None


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "224.0.0.1",
        "192.0.2.1",
        "168.63.129.16",
    ],
)
def test_only_public_addresses_are_dialled(address: str) -> None:
    """Loopback, private, shared, link-local, multicast and documentation's addresses are not, nor is Azure's host."""
    assert not Atlas().is_dialled(IPv4Address(address))


def test_nothing_is_dialled_where_the_switch_says_so() -> None:
    """`dial: false` leaves the map alone."""
    public = IPv4Address("93.184.216.34")

    assert Atlas().is_dialled(public)
    assert not Atlas(dials=False).is_dialled(public)


def test_an_address_of_this_machine_is_known() -> None:
    """Its own addresses are their own source; a name that is none, and another machine's, are not."""
    assert is_own("127.0.0.1")
    assert is_own("127.60.3.4")
    assert is_own("::ffff:127.0.0.1")
    assert is_own("0.0.0.0")
    assert not is_own("203.0.113.7")


async def test_the_control_api_is_never_found() -> None:
    """A map that leads to the port of the control API leads nowhere; beside it, it is found."""
    with socket.create_server(("127.0.0.1", 0)) as control:
        port = control.getsockname()[1]
        atlas = Atlas(control=lambda: f"http://127.0.0.1:{port}")

        assert await atlas.found(("localhost", port)) is None
        assert await atlas.found(("127.0.0.2", port)) is None
        assert await atlas.found(("127.0.0.1", 1)) == ("127.0.0.1", 1)
        assert await atlas.found(("no such host", 1)) is None
