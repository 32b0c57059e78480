"""Names: whom a person means by a hop, a machine, an address or the Internet."""

from pathlib import Path

import pytest

from emulator.app.worlds import load_world
from emulator.errors import InvalidInputError
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
