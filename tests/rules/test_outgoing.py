"""What a machine's own connections meet."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.app.questions import explain
from emulator.model.default_world import BUILD_SUBNET, NETWORK
from emulator.model.flow import Flow, Protocol
from emulator.model.ids import resource_id
from emulator.model.network import Peering
from emulator.model.world import Topology, World
from emulator.rules import condition
from emulator.rules.legs import Path
from emulator.rules.outgoing import outgoing, resolves
from emulator.rules.reach import SOURCE_PORT
from tests.worlds import nic_of, with_appliance, with_routes, with_subnet, world

PUBLIC = IPv4Address("203.0.113.50")


def going(found: World, address: str, port: int, *, silent: tuple[str, ...] = (), udp: bool = False) -> Path:
    """What a connection of the Linux build VM's meets."""
    machine = found.member("build-linux")
    assert machine
    state = replace(condition.assumed(found), silent=frozenset((hop, "Rebooting") for hop in silent))
    protocol = Protocol.UDP if udp else Protocol.TCP
    flow = Flow(nic_of(found, "build-linux").address, SOURCE_PORT, IPv4Address(address), port, protocol)
    return outgoing(found, state, machine, flow)


def test_it_is_what_explain_says() -> None:
    """The verdicts are the same, wherever it goes, whatever denies it."""
    worlds = (
        world(),
        world("300 deny out * -> Internet:443"),
        with_subnet(world(), BUILD_SUBNET, default_outbound=False),
        with_routes(world(), "0.0.0.0/0 -> None"),
        with_routes(with_appliance(world()), "0.0.0.0/0 -> VirtualAppliance 10.60.2.4"),
    )
    for found in worlds:
        for target in (f"{PUBLIC}:443", "10.60.0.9:5986", "10.60.0.6:60001", "169.254.169.254:80", "10.61.0.5:60001"):
            address, _, port = target.partition(":")
            said, met = explain(found, "build-linux", target), going(found, address, int(port))
            assert [each.verdict for each in met.legs] == [each.verdict for each in said.legs]


def test_the_internet_is_one_place() -> None:
    """Legs label metrics: any public address is the Internet there; machines and the platform keep their names."""
    assert going(world(), str(PUBLIC), 443).end().name == "build-linux → Internet"
    assert going(world(), "198.51.100.7", 443).end().name == "build-linux → Internet"
    assert going(world(), "10.60.0.9", 5986).end().name == "build-linux → build-windows"
    assert going(world(), "169.254.169.254", 80).end().name == "build-linux → 169.254.169.254"


def test_a_machine_that_is_silent_is_so_to_its_neighbours() -> None:
    """Its state stops what the rules let through."""
    met = going(world(), "10.60.0.9", 5986, silent=("build-windows",))

    assert not met.carried
    assert met.end().verdict.reason.name == "Rebooting"
    assert going(world(), "10.60.0.9", 5986, silent=("proxy",)).carried


def peered() -> World:
    """The default world beside a network of which no more than its prefix was loaded."""
    hub, prefix = resource_id(NETWORK + "virtualNetworks", "hub"), IPv4Network("172.16.0.0/16")
    network = world().network_of(BUILD_SUBNET)
    return world().laid(replace(network, peerings=(Peering("to-hub", hub, remote_prefixes=(prefix,)),)))


def test_what_was_not_loaded_is_silence_with_a_sentence() -> None:
    """An address of a network that was not loaded: it is said why nobody answers; a resolver there is asked."""
    met = going(peered(), "172.16.0.4", 53, udp=True)

    assert not met.carried
    assert "172.16.0.4" in met.end().verdict.sentence
    assert resolves(met)
    assert not resolves(going(world("300 deny out * -> *"), "10.60.0.9", 53, udp=True))


@given(
    st.ip_addresses(v=4), st.integers(0, 65535), st.sampled_from(["existing-vnet", "public-ip", "container-instance"])
)
def test_anything_is_decided(address: IPv4Address, port: int, topology: Topology) -> None:
    """Whatever a guest dials, there is a path, and nothing is raised."""
    for found in (world(topology=topology), with_routes(world(topology=topology), "0.0.0.0/0 -> None")):
        for udp in (False, True):
            assert going(found, str(address), port, udp=udp).legs


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "127.0.0.1",
        "168.63.129.16",
        "10.60.0.5",
        "10.60.0.1",
        "10.60.0.255",
    ],
)
def test_odd_addresses_are_decided(address: str) -> None:
    """Those that no machine can have, too."""
    assert going(world(), address, 0).legs
