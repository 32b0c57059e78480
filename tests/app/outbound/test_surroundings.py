"""What a build VM sees of the network around it."""

from dataclasses import replace

from emulator.app.outbound.surroundings import surroundings
from emulator.machines.outside.wish import Wish
from emulator.model.default_world import BUILD_SUBNET
from emulator.model.kept import Kept
from emulator.model.world import World
from emulator.rules.flow_points import mac_of
from tests.worlds import nic_of, world


def seen(found: World) -> Wish | None:
    """By the Linux build VM."""
    machine = found.member("build-linux")
    assert machine
    return surroundings(found, machine)


def test_the_subnets_first_address_is_its_router() -> None:
    """Address, subnet, router, MAC and Azure's own resolver."""
    mac = mac_of(nic_of(world(), "build-linux"))

    assert seen(world()) == Wish("10.60.0.8", 24, "10.60.0.1", mac, ("168.63.129.16",))


def test_the_networks_resolvers_go_before_azures() -> None:
    """`dhcpOptions` of the network, over it `dnsSettings` of the interface; a word for Azure's own is none."""
    network = world().network_of(BUILD_SUBNET)
    own = replace(network, kept=Kept(within={"dhcpOptions": {"dnsServers": ["10.60.0.4", "10.60.0.5"]}}))
    nic = nic_of(world(), "build-linux")
    azures = replace(nic, kept=Kept(within={"dnsSettings": {"dnsServers": ["AzureProvidedDNS"]}}))
    others = replace(nic, kept=Kept(within={"dnsSettings": {"dnsServers": ["10.60.0.3"]}}))

    assert [
        found.resolvers for found in (seen(world().laid(own, azures)), seen(world().laid(own, others))) if found
    ] == [
        ("10.60.0.4", "10.60.0.5"),
        ("10.60.0.3",),
    ]


def test_without_its_subnet_nothing_is_known() -> None:
    """A network that was not loaded has no addresses to show."""
    bare = replace(world(), networks=())

    assert seen(bare) is None
