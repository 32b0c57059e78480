"""What is waited for on the stage, and where clients work."""

from pathlib import Path

import pytest

from emulator.app.playing import on_stage
from emulator.errors import InvalidInputError
from emulator.scenarios.patch import Patch
from emulator.scenarios.step import EventSeen
from tests.scenarios.files import scenario

pytestmark = pytest.mark.network


async def test_targets_changes_and_waits(tmp_path: Path) -> None:
    """Each build VM's address, here and in Azure; a change of the world; what does not come is said."""
    async with on_stage(scenario(tmp_path)) as stage:
        async with stage.target("windows") as target:
            assert target.azure == "10.60.0.9:5986"
            assert target.url == stage.channel.status.endpoints["windows"].url
        await stage.change((Patch.model_validate({"remove_rule": "AzureImageBuilderNsgRule"}),))
        with pytest.raises(InvalidInputError, match="remove_rule"):
            await stage.change((Patch.model_validate({"remove_rule": "AzureImageBuilderNsgRule"}),))
        found = await stage.until(EventSeen(event="WorldApplied"))
        missed = await stage.until(EventSeen(event="Nothing"), seconds=0.1)

    assert (found, missed) == ("", "found no event event Nothing within 0.1 s")


async def test_states_of_machines_are_waited_for(tmp_path: Path) -> None:
    """A reboot goes on by itself, and is over when its machine runs."""
    async with on_stage(scenario(tmp_path, time_scale=60)) as stage:
        await stage.channel.set_machine("build-linux", "rebooting")
        said = await stage.until_states({"build-linux": "running"})
        assert stage.channel.machine_states()["build-linux"] == "running"

    assert said == ""
