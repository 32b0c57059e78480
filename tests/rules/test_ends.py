"""Names: whom a person means by a hop, a machine, an address or the Internet."""

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.app.worlds import load_world
from emulator.errors import InvalidInputError, NotLoadedError
from emulator.model.ids import ResourceId
from emulator.rules.ends import end_of
from tests.worlds import world

EXPORT = load_world(Path(__file__).parents[1] / "data" / "export" / "rest")
# What a name means in the exported network: its address, the subnet it lies in, the resource it is.
NAMES = [
    ("client", "10.30.0.4", "aci", None),
    ("private-endpoint", "10.30.0.68", "pe", "pe-aib"),
    ("private-link-service", "10.20.1.5", "snet-build", "aibpls7lz2e"),
    ("load-balancer", "10.20.1.6", "snet-build", "lb-aib"),
    ("proxy", "10.20.1.7", "snet-build", "proxyVm-aib"),
    ("Build-Linux", "10.20.1.8", "snet-build", "aibbuild-linux"),
    ("VM-JUMP", "10.10.1.4", "snet-shared", "vm-jump"),
    ("10.20.1.7", "10.20.1.7", "snet-build", "proxyVm-aib"),
    ("10.20.1.200", "10.20.1.200", "snet-build", "snet-build"),
    ("internet", "203.0.113.1", None, None),
    ("8.8.8.8", "8.8.8.8", None, None),
]


@pytest.mark.parametrize(("name", "address", "subnet", "resource"), NAMES)
def test_names(name: str, address: str, subnet: str | None, resource: str | None) -> None:
    """A name means a hop first, then a machine, whatever its case; an address means whoever has it."""
    found = end_of(EXPORT, name)

    assert str(found.address) == address
    assert (found.subnet.id.name if found.subnet else None) == subnet
    assert (found.resource.name if found.resource else None) == resource


def test_an_id_is_a_name() -> None:
    """The ID of a machine means that machine."""
    machine = next(each for each in EXPORT.machines if each.id.name == "vm-tools")

    assert end_of(EXPORT, machine.id.text.upper()).resource == machine.id


def test_a_public_address_is_a_machines() -> None:
    """The public IP of a machine that was loaded means that machine, by that address."""
    found = world(topology="public-ip")
    end = end_of(found, "203.0.113.10")

    assert (end.name, str(end.address), str(end)) == ("build-linux", "10.60.0.8", "build-linux 203.0.113.10")


def test_names_that_mean_several() -> None:
    """A name or an address that several have is refused, with the IDs of all of them."""
    machine = next(each for each in EXPORT.machines if each.id.name == "vm-tools")
    nic = EXPORT.interface(machine.interfaces[0])
    twin = replace(machine, id=ResourceId(machine.id.text.replace("/resourceGroups/", "/resourceGroups/other-")))
    copy = replace(nic, id=nic.id.parent.child("networkInterfaces", "copy"))
    network = replace(EXPORT.networks[0], id=EXPORT.networks[0].id.parent.child("virtualNetworks", "copy"))
    subnets = tuple(replace(each, id=network.id.child("subnets", each.id.name)) for each in network.subnets)

    with pytest.raises(InvalidInputError, match=r"expected a name of one machine: .*/vm-tools, .*/vm-tools"):
        end_of(EXPORT.laid(twin), "vm-tools")
    assert end_of(EXPORT.laid(twin), twin.id.text).resource == twin.id
    with pytest.raises(InvalidInputError, match=r"expected an address that one interface has: .*/copy, "):
        end_of(EXPORT.laid(copy), str(nic.address))
    with pytest.raises(InvalidInputError, match=r"an address within one subnet: .*/snet-build, .*/snet-build"):
        end_of(EXPORT.laid(replace(network, subnets=subnets)), "10.20.1.250")
    assert end_of(EXPORT.laid(copy), "proxy").name == "proxy"


def test_what_other_names_mean_is_not_looked_at() -> None:
    """A name is found though what others mean was not loaded; the name that needs it says so."""
    assert EXPORT.endpoint
    lacking = replace(
        EXPORT, interfaces=tuple(n for n in EXPORT.interfaces if n.id not in EXPORT.endpoint.interfaces)
    )

    assert end_of(lacking, "vm-tools").name == "vm-tools"
    with pytest.raises(NotLoadedError, match="network interface of private endpoint"):
        end_of(lacking, "private-endpoint")


@pytest.mark.parametrize("topology", ["public-ip", "container-instance"])
def test_topologies_without_private_link(topology: str) -> None:
    """Where there is no private link, its hops mean nothing, and the answer names those that do."""
    found = world(topology="public-ip" if topology == "public-ip" else "container-instance")

    with pytest.raises(
        InvalidInputError, match=r"found proxy, expected an IPv4 address or one of client, build-linux"
    ):
        end_of(found, "proxy")


def test_how_an_end_prints() -> None:
    """A name is printed with its address, an address once."""
    assert str(end_of(EXPORT, "proxy")) == "proxy 10.20.1.7"
    assert str(end_of(EXPORT, "8.8.8.8")) == "8.8.8.8"
