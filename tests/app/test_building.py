"""From a template's document to a build over a world that plays what it needs."""

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.app.building import azure_place, fits, template_of
from emulator.build.plan import plan_of
from emulator.errors import InvalidInputError
from emulator.model.default_world import default_world
from emulator.model.world import Topology
from tests.builds import linux, shell, windows
from tests.templates import SUBNET, loaded, template


def test_a_template_is_a_file_its_json_or_the_value(tmp_path: Path) -> None:
    """All three are the same template."""
    document = linux(shell("a"))
    (tmp_path / "t.json").write_text(json.dumps(document))
    found = [
        template_of(each) for each in (tmp_path / "t.json", str(tmp_path / "t.json"), document, loaded(document))
    ]

    assert len(set(map(repr, found))) == 1


def test_what_is_no_template_is_said(tmp_path: Path) -> None:
    """A file that is not there, and a document with anything else in it."""
    with pytest.raises(InvalidInputError, match="cannot be read"):
        template_of(tmp_path / "none.json")
    with pytest.raises(InvalidInputError, match="found 0 image templates, expected one"):
        template_of({"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/d"})


def refusal(document: dict[str, Any], topology: Topology) -> str:
    """Why a template is not built in the default world of a topology; empty if it is."""
    found = loaded(document)
    try:
        fits(found, plan_of(found), default_world(topology))
    except InvalidInputError as error:
        return str(error)
    return ""


def test_a_template_fits_its_topology() -> None:
    """Each template is built in the topology that its network leads to, and in no other."""
    for topology in ("existing-vnet", "public-ip", "container-instance"):
        assert refusal(linux(shell("a"), topology=topology), topology) == ""
    assert "up --topology public-ip" in refusal(linux(shell("a"), topology="public-ip"), "existing-vnet")


def test_a_subnet_of_nobody_is_refused() -> None:
    """The subnet must be the one that builds of the world run in."""
    found = linux(shell("a"), vmProfile={"vnetConfig": {"subnetId": SUBNET}})

    assert refusal(found, "existing-vnet").startswith("properties.vmProfile.vnetConfig.subnetId: found /subscr")


def test_the_place_in_azure() -> None:
    """Logs name the build VM by its own address."""
    assert azure_place(default_world(), "linux") == "10.60.0.8:22"
    assert azure_place(default_world(), "windows") == "10.60.0.9:5986"
    assert template().id.name == "tpl"
    assert windows()["properties"]["customize"] == []
