"""Items: their answers become findings, and what was not loaded becomes one that says what to export."""

from collections.abc import Iterator

import pytest

from emulator.errors import NotLoadedError
from emulator.model.default_world import BUILD_SUBNET, VNET
from emulator.model.world import Topology, World
from emulator.rules.checklist.finding import Answer, Finding, Item, LackingError
from tests.worlds import world

WHY, SOURCE = "because", "https://example.com"


def item(*answers: Answer | Exception, topologies: tuple[Topology, ...] = ("existing-vnet",)) -> Item:
    """An item that answers so, and then raises, if that is what comes last."""

    def asked(_: World) -> Iterator[Answer]:
        for each in answers:
            if isinstance(each, Exception):
                raise each
            yield each

    return Item("an-item", WHY, SOURCE, asked, topologies)


def test_answers_become_findings() -> None:
    """A finding has its item's name and reasons, and the answer's state, resource, words and command."""
    (found,) = item(Answer("failed", VNET, "it is broken", "az mend")).findings(world())

    assert found == Finding("an-item", "failed", VNET, "it is broken", WHY, "az mend", SOURCE)
    assert str(found) == "failed: an-item: it is broken"


def test_only_in_its_topologies() -> None:
    """An item says nothing of a topology that it is not about."""
    assert list(item(Answer("ok", VNET, "x")).findings(world(topology="public-ip"))) == []


def test_answers_that_one_command_mends_become_one() -> None:
    """Answers of one state about one resource with one command are one finding with all their sentences."""
    answers = [
        Answer("failed", VNET, "a", "az 1"),
        Answer("failed", VNET, "b", "az 1"),
        Answer("failed", VNET, "a", "az 1"),
        Answer("failed", VNET, "c", "az 2"),
        Answer("warning", VNET, "d", "az 1"),
        Answer("failed", BUILD_SUBNET, "e", "az 1"),
    ]

    assert [each.found for each in item(*answers).findings(world())] == ["a; b", "c", "d", "e"]


GROUP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/nsg"
LOST_SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/b"
# What was said of the missing resource, and the command that prints it.
MISSING = [
    (f"network security group {GROUP} was not loaded", GROUP, f"az resource show --ids {GROUP} -o json"),
    (f"{GROUP}: it is not there", GROUP, f"az resource show --ids {GROUP} -o json"),
    (
        f"subnet {LOST_SUBNET} was not loaded, nor with its virtual network",
        LOST_SUBNET,
        f"az network vnet show --ids {LOST_SUBNET.rpartition('/subnets')[0]} -o json",
    ),
    (f"{GROUP}$(id) was not loaded", f"{GROUP}$(id)", f"az resource show --ids '{GROUP}$(id)' -o json"),
    ("`az group delete -n g` was not loaded", BUILD_SUBNET.text, "az network vnet list -o json"),
    (
        "rule x; `az network list-service-tags --location REGION` prints them",
        BUILD_SUBNET.text,
        "az network list-service-tags --location westeurope",
    ),
    ("something is missing", BUILD_SUBNET.text, "az network vnet list -o json"),
]


@pytest.mark.parametrize(("message", "resource", "mend"), MISSING)
def test_not_loaded(message: str, resource: str, mend: str) -> None:
    """What was not loaded makes the item unknown, with the command that exports it, after what it found before."""
    found = list(item(Answer("ok", VNET, "first"), NotLoadedError(message)).findings(world()))

    assert [each.state for each in found] == ["ok", "unknown"]
    assert (found[1].found, found[1].resource.text, found[1].mend) == (message, resource, mend)


def test_lacking() -> None:
    """What knows the command that prints it says so."""
    (found,) = item(LackingError(f"{GROUP} names none", "az vm list")).findings(world())

    assert (found.state, found.resource.text, found.mend) == ("unknown", GROUP, "az vm list")


def test_other_look_ups() -> None:
    """An interface without an address is no more known than one that was not loaded; a bug stays a bug."""
    assert [each.state for each in item(LookupError("no IPv4 address")).findings(world())] == ["unknown"]
    for bug in (KeyError("x"), IndexError("x"), ValueError("x")):
        with pytest.raises(type(bug)):
            list(item(bug).findings(world()))


def test_nothing_says_where() -> None:
    """Where not even a subnet is known, the finding is about the whole."""
    nowhere = World("existing-vnet", world().client)

    (found,) = item(NotLoadedError("nothing")).findings(nowhere)

    assert found.resource.text == "/"
