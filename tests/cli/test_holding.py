"""Holding a scenario, in this process: what is said, and what ends it."""

import asyncio
import json
from pathlib import Path

import pytest

from emulator.cli.holding import held
from tests.scenarios.files import scenario

pytestmark = pytest.mark.network


@pytest.mark.parametrize("as_json", [True, False])
async def test_it_says_how_to_reach_it(as_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: FBT001
    """The state folder of its own, the title or the name, and events as they come; cancelled it leaves nothing."""
    async with asyncio.timeout(40), asyncio.TaskGroup() as group:
        task = group.create_task(held(scenario(tmp_path), None, as_json=as_json))
        said = ""
        while "is service-stopped" not in said:
            said += "".join(capsys.readouterr())
            await asyncio.sleep(0.05)
        task.cancel()

    if as_json:
        first = json.loads(said.splitlines()[0])
        assert first["scenario"] == "gone"
        assert first["home"] not in map(str, Path(first["home"]).parent.iterdir())
    else:
        assert "The proxy VM is gone" in said
        assert "AIB_EMULATOR_HOME=" in said
