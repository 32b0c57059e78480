"""Networks, interfaces, peerings: what they contain, and what they let through."""

from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Literal

import pytest

from emulator.errors import NotLoadedError
from emulator.model.ids import resource_id
from emulator.model.network import AdminRule, Interface, IpConfiguration, Peering, Subnet, VirtualNetwork


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


SUBNET = resource_id("Microsoft.Network/virtualNetworks", "v").child("subnets", "s")
NIC = resource_id("Microsoft.Network/networkInterfaces", "n")


def interface(*addresses: str | None, primary: int | None = None) -> Interface:
    """An interface with these addresses, one of them marked primary."""
    return Interface(
        NIC,
        tuple(
            IpConfiguration(str(n), SUBNET, ip_address(each) if each else None, primary=n == primary)
            for n, each in enumerate(addresses)
        ),
    )


# The primary address: of the configuration marked so, or else of the first with an IPv4 address.
PRIMARY = [
    (interface("10.0.0.4", "10.0.0.5", primary=1), "10.0.0.5"),
    (interface("10.0.0.4", "10.0.0.5"), "10.0.0.4"),
    (interface(None, "fd00::4", "10.0.0.5", primary=1), "10.0.0.5"),
]


@pytest.mark.parametrize(("found", "address"), PRIMARY)
def test_the_primary_address(found: Interface, address: str) -> None:
    """An interface has the address of its primary configuration, and holds those of all."""
    assert (str(found.address), found.subnet) == (address, SUBNET)
    assert found.holds(IPv4Address("10.0.0.5"))
    assert not found.holds(IPv4Address("10.0.0.6"))


def test_an_interface_without_an_address() -> None:
    """What has no IPv4 address, or is in no subnet, says so when it is asked."""
    loose = Interface(NIC, (IpConfiguration("c", None, IPv4Address("10.0.0.4")),))

    for bare in (interface(), interface(None), interface("fd00::4")):
        with pytest.raises(NotLoadedError, match="has no IPv4 address"):
            str(bare.address)
        with pytest.raises(NotLoadedError, match="is in no subnet"):
            str(bare.subnet)
    with pytest.raises(NotLoadedError, match="is in no subnet"):
        str(loose.subnet)


@pytest.mark.parametrize(
    ("state", "access", "connected"),
    [
        ("Connected", True, True),
        ("Connected", False, False),
        ("Initiated", True, False),
        ("Disconnected", True, False),
    ],
)
def test_a_peering_lets_through_when_connected(
    state: Literal["Initiated", "Connected", "Disconnected"], *, access: bool, connected: bool
) -> None:
    """A peering carries where it is connected and lets the other network in."""
    assert Peering("p", SUBNET.parent, state, access).connected is connected


def test_a_subnet_contains_its_prefixes() -> None:
    """A subnet contains the addresses of its prefixes."""
    found = Subnet(SUBNET, (IPv4Network("10.0.0.0/24"), IPv4Network("10.0.2.0/24")))

    assert [IPv4Address(f"10.0.{n}.9") in found for n in range(4)] == [True, False, True, False]


def test_an_admin_rule_is_called_as_its_id_ends() -> None:
    """The name of a security admin rule is its ID's."""
    assert AdminRule(NIC.child("rules", "r"), 1, "Inbound", "Deny").name == "r"
