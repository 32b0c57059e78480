"""One network as three tools export it is one world, which carries and which nothing is missing from."""

import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.arm import Loaded
from emulator.model.world import SYSTEMS, World
from emulator.rules.condition import assumed
from emulator.rules.deployment import assembled
from emulator.rules.outbound import outbound_access
from emulator.rules.path import client_flow, decide
from emulator.rules.playable import playable
from emulator.rules.references import dangling
from tests.azure_values import Path, Strategy, json_values, paths, with_value
from tests.documents import DATA
from tests.worlds import nic_of

EXPORT = DATA / "export"
SHAPES = ("rest", "cli", "powershell")


def files(shape: str) -> list[tuple[str, Any]]:
    """The documents of an export."""
    found = sorted((EXPORT / shape).glob("*.json"))
    return [(path.name, arm.load_json(path.name, path.read_bytes())) for path in found]


def loaded(shape: str) -> Loaded:
    """The resources of an export."""
    return arm.load(files(shape))


def test_the_shapes_are_one_world() -> None:
    """REST, the Azure CLI and PowerShell say the same."""
    worlds = [assembled(loaded(shape).resources) for shape in SHAPES]

    assert worlds[0] == worlds[1] == worlds[2]
    assert len(worlds[0].resources) > 30


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_odd(shape: str) -> None:
    """An export is read without a warning, and refers to nothing outside it."""
    found = loaded(shape)

    assert (found.warnings, dangling(assembled(found.resources))) == ((), ())


@pytest.mark.parametrize("shape", SHAPES)
def test_an_export_is_written_and_read_back(shape: str) -> None:
    """What is written of an export in any shape is the same world, with the same fields kept."""
    found = assembled(loaded(shape).resources)
    documents = json.loads(json.dumps([arm.dump(each) for each in found.resources]))
    again = assembled(arm.load([("world.json", documents)]).resources)

    assert again == found
    assert [arm.dump(each) for each in again.resources] == documents


def shouted(value: Any) -> Any:
    """A document whose IDs are in capitals."""
    if isinstance(value, dict):
        return {key: shouted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shouted(each) for each in value]
    return value.upper() if isinstance(value, str) and value.lower().startswith("/subscriptions/") else value


@pytest.mark.parametrize("shape", SHAPES)
def test_case_makes_no_difference(shape: str) -> None:
    """IDs in any case are the same world: names are resolved as Azure resolves them."""
    found = assembled(arm.load([(name, shouted(value)) for name, value in files(shape)]).resources)
    roles = assembled(loaded(shape).resources).roles  # the scopes on which a role may be given are text

    assert replace(found, roles=roles) == assembled(loaded(shape).resources)
    playable(found)


def whole() -> World:
    """The exported world."""
    return assembled(loaded("rest").resources)


def test_what_is_in_it() -> None:
    """The channel runs over the parts of the staging group, and the client is in its container's subnet."""
    found = whole()
    assert found.endpoint
    assert found.service
    assert found.balancer

    assert {each.hop: (each.id.name, str(found.interface_of(each).address)) for each in found.members} == {
        "proxy": ("proxyVm-aib", "10.20.1.7"),
        "build-linux": ("aibbuild-linux", "10.20.1.8"),
        "build-windows": ("aibbuild-win", "10.20.1.9"),
    }
    assert (str(found.client), str(found.address_of(found.endpoint))) == ("10.30.0.4", "10.30.0.68")
    assert (str(found.service.nat_address), str(found.frontend.private_address)) == ("10.20.1.5", "10.20.1.6")
    assert (found.topology, found.parts.template and found.parts.template.name) == ("existing-vnet", "tpl-ubuntu")


def test_it_carries() -> None:
    """Nothing in the exported network breaks the channel, and its machines reach the Internet by the NAT gateway."""
    found = whole()
    playable(found)

    for system in SYSTEMS:
        assert decide(client_flow(found, system, 1), found, assumed(found), system).carried
    assert outbound_access(found, nic_of(found, "proxy")).reason.name == "NatGateway"


def test_without_the_staging_group() -> None:
    """Before a build there is the customer's network alone: what its template needs is deployed, the rest stays."""
    before = [each for each in loaded("cli").resources if not each.id.resource_group.lower().startswith("it_")]
    found = assembled(before)
    playable(found)

    assert {each.id.name for each in found.members} == {"proxy", "build-linux"}
    assert {"vm-tools", "vm-jump"} <= {each.id.name for each in found.machines}
    assert decide(client_flow(found, "linux", 1), found, assumed(found), "linux").carried


PLACES = [(name, path) for name, value in files("rest") for path in paths(value)]
NEAR: Strategy[Any] = st.sampled_from(
    [None, True, 0, "", "*", "10.20.1.0/24", "0.0.0.0/0", "fd00::5", [], {}, {"id": ""}, "None", "Down", "Internet"]
)


@settings(max_examples=50, deadline=None)
@given(changes=st.lists(st.tuples(st.sampled_from(PLACES), NEAR | json_values), min_size=1, max_size=3))
def test_an_export_gone_wrong_raises_only_our_error(changes: list[tuple[tuple[str, Path], Any]]) -> None:
    """Whatever stands anywhere in an export, a world comes of it that can be played or is said to lack something."""
    documents = dict(files("rest"))
    for (name, path), value in changes:
        with contextlib.suppress(LookupError, TypeError):  # an earlier change took the place away
            documents[name] = with_value(documents[name], path, value)
    with contextlib.suppress(InvalidInputError):
        found = assembled(arm.load(documents.items()).resources)
        assert all(found.find("interfaces", each.interface) for each in found.members)
        assert dangling(found) == dangling(assembled(found.resources))
        playable(found)
