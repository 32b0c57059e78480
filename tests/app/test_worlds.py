"""Worlds out of files and folders: what is read, in which order, and what is said of files that are not there."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.app.worlds import load_files, load_world
from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.default_world import BUILD_GROUP, default_world
from emulator.model.switches import Switches
from emulator.rules.deployment import Wanted
from tests.worlds import nsg

EXPORT = Path(__file__).parents[1] / "data" / "export"


def test_files_and_folders(tmp_path: Path) -> None:
    """Resources are read from files, and from a folder's *.json in order of their names; the later wins."""
    group = nsg("100 deny in * -> *")
    (tmp_path / "b.json").write_text(json.dumps(arm.dump(nsg())))
    (tmp_path / "a.json").write_text(json.dumps(arm.dump(group)))
    (tmp_path / "notes.txt").write_text("not JSON")

    assert load_files((tmp_path,)).resources == (nsg(),)
    assert load_files((tmp_path, tmp_path / "a.json")).resources == (group,)


@pytest.mark.parametrize("name", ["absent.json", "a\0b.json"])
def test_files_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    """A resource that cannot be read is named."""
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_files((tmp_path / name,))


def test_an_empty_folder(tmp_path: Path) -> None:
    """A folder without any JSON is a mistake, not an empty world."""
    with pytest.raises(InvalidInputError, match=r"found no \*\.json in it"):
        load_files((tmp_path,))


def test_nothing_is_the_default_world() -> None:
    """Without files and resources the default world comes of it, under the switches and topology that are wanted."""
    switches = Switches(pls_data_nsg="bypass")

    assert load_world() == default_world()
    assert load_world().warnings == ()
    assert load_world(wanted=Wanted("public-ip"), switches=switches) == default_world("public-ip", switches)


def test_resources_are_laid_over_the_files() -> None:
    """What a caller gives wins over the files; a lone rule joins its group there."""
    own = nsg("100 deny in * -> *")
    rule = {
        "id": f"{BUILD_GROUP}/securityRules/DenyAll",
        "properties": {
            "protocol": "*",
            "access": "Deny",
            "direction": "Inbound",
            "priority": 300,
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "*",
        },
    }

    def names(*resources: Any) -> list[str]:
        group = load_world(resources=resources).group(BUILD_GROUP)
        return [each.name for each in group.rules] if group else []

    assert names(own) == ["deny-100"]
    assert names(own, rule) == ["deny-100", "DenyAll"]
    assert names(rule) == ["AzureImageBuilderNsgRule", "DenyAll"]


def test_a_folder_of_an_export() -> None:
    """An export of a folder is a world with its own addresses, and nothing odd about it."""
    world = load_world(EXPORT / "cli")

    assert (str(world.client), world.warnings) == ("10.30.0.4", ())
    assert [str(world.interface_of(member).address) for member in world.members] == [
        "10.20.1.7",
        "10.20.1.8",
        "10.20.1.9",
    ]
