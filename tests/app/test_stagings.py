"""The builds that an emulator knows of."""

from dataclasses import replace

import pytest

from emulator.app.machines import State
from emulator.app.stagings import Stagings
from emulator.build.staging import InUseError, staging
from emulator.errors import InvalidInputError, UnavailableError
from emulator.model.default_world import default_world
from emulator.model.ids import ResourceId
from emulator.observe import Event, Observation
from tests.templates import template

OWN = "/subscriptions/s/resourceGroups/mine"
STAGED = staging(template(), "linux", "existing-vnet", "guid-1")


def stagings() -> tuple[Stagings, list[Event], list[tuple[str, State]]]:
    """An emulator's builds, its events, and what became of its machines."""
    events: list[Event] = []
    states: list[tuple[str, State]] = []

    async def set_machine(hop: str, state: State) -> None:
        states.append((hop, state))

    return Stagings(set_machine, events.append), events, states


async def test_resources_appear_and_go_one_by_one() -> None:
    """Each is an event when it is deployed and when it is deleted; the build VM is new before and after."""
    found, events, states = stagings()
    await found.begin(STAGED)
    assert [each["id"] for each in found.resources(default_world())] == [each.id.text for each in STAGED.resources]
    await found.end("guid-1", keep=False)

    names = [each.event for each in events if isinstance(each, Observation)]
    assert names == ["ResourceDeployed"] * len(STAGED.resources) + ["ResourceDeleted"] * (len(STAGED.resources) - 2)
    assert states == [("build-linux", "service-stopped"), ("build-linux", "running")] * 2
    assert [build["state"] for build in found.as_json()] == ["done"]


async def test_one_build_at_a_time() -> None:
    """A second one is told which is under way."""
    found, _, _ = stagings()
    await found.begin(STAGED)
    with pytest.raises(UnavailableError, match="a build of tpl is under way"):
        await found.begin(staging(template(), "linux", "existing-vnet", "guid-2"))


async def test_a_kept_build_gives_way_to_the_next() -> None:
    """What an error with `abort` kept is there to be looked at until the next build begins."""
    found, _, _ = stagings()
    await found.begin(STAGED)
    await found.end("guid-1", keep=True)
    kept = len(found.resources(default_world()))
    await found.begin(staging(template(), "linux", "public-ip", "guid-2"))

    assert kept == len(STAGED.resources)
    assert [build["state"] for build in found.as_json()] == ["done", "running"]


async def test_a_staging_group_of_another_template_is_refused() -> None:
    """A group of one's own belongs to one template."""
    found, _, _ = stagings()
    await found.begin(staging(template({"stagingResourceGroup": OWN}), "linux", "public-ip", "guid-1"))
    await found.end("guid-1", keep=False)
    other = template({"stagingResourceGroup": OWN}, id=f"{STAGED.template.text}-2")
    with pytest.raises(InvalidInputError, match="BadStagingResourceGroup"):
        await found.begin(staging(other, "linux", "public-ip", "guid-2"))


async def test_a_template_takes_its_groups_with_it() -> None:
    """Group and log stay until the template is deleted."""
    found, _, _ = stagings()
    await found.begin(STAGED)
    await found.end("guid-1", keep=False)
    await found.begin(replace(STAGED, guid="guid-2"))
    with pytest.raises(UnavailableError, match="is under way"):
        await found.forget(STAGED.template)
    await found.end("guid-2", keep=True)
    await found.forget(STAGED.template)

    assert found.as_json() == []


async def test_behaviour_17_is_played() -> None:
    """Deleting out of order is refused with Azure's code and changes nothing."""
    found, _, _ = stagings()
    await found.begin(STAGED)
    (nic,) = [each for each in STAGED.resources if each.id.name.startswith("aibpls") and ".nic." in each.id.name]
    with pytest.raises(InUseError, match="NicInUseWithPrivateEndpoint"):
        found.delete("guid-1", nic.id)
    with pytest.raises(InvalidInputError, match="expected one of guid-1"):
        found.delete("guid-9", ResourceId("/x"))

    assert len(found.resources(default_world())) == len(STAGED.resources)
