"""What each verb does to the running channel, and how a wrong answer is told."""

from pathlib import Path
from typing import Any

import pytest

from emulator.app.acts import ACTS, CLIENTS, template_of
from emulator.app.building import template_of as read_template
from emulator.app.playing import on_stage
from emulator.app.stage import Stage
from emulator.model.default_world import default_world
from emulator.scenarios.step import BuildClient, Client, Step
from tests.scenarios.files import scenario

pytestmark = pytest.mark.network
FLOW = {"vm": "proxy", "direction": "inbound", "local": "10.60.0.7:60001", "remote": "168.63.129.16:*"}


async def acted(stage: Stage, verb: str, value: Any) -> str:
    """What is wrong after one step."""
    step = Step.model_validate({verb: value})
    _, wrong = await ACTS[verb](stage, step.value)
    return wrong


async def test_what_happens_and_what_is_asked(tmp_path: Path) -> None:
    """Faults come and go, the world resets, machines change; questions that are answered otherwise are told."""
    async with on_stage(scenario(tmp_path)) as stage:
        assert await acted(stage, "fault", {"kind": "mute", "hop": "proxy"}) == ""
        assert [each["name"] for each in stage.channel.faults.all()] == ["mute"]
        assert await acted(stage, "heal", "mute") == ""
        assert await acted(stage, "change", [{"remove_rule": "AzureImageBuilderNsgRule"}]) == ""
        assert await acted(stage, "reset", value=True) == ""
        assert stage.channel.world is stage.channel.initial
        assert await acted(stage, "machine", {"proxy": "running"}) == ""
        assert await acted(stage, "wait", {"machine": {"proxy": "running"}}) == ""
        assert await acted(stage, "wait", {"seconds": 0.1}) == ""
        assert await acted(stage, "wait", {"event": {"event": "FaultAdded"}}) == ""
        assert await acted(stage, "ip_flow", {**FLOW, "access": "Allow", "rule": "AzureImageBuilderNsgRule"}) == ""
        assert "expected Deny" in await acted(stage, "ip_flow", {**FLOW, "access": "Deny"})
        assert await acted(stage, "explain", {"from": "proxy", "to": "build-linux:22", "outcome": "carried"}) == ""
        assert "expected dropped" in await acted(
            stage, "explain", {"from": "proxy", "to": "build-linux:22", "outcome": "dropped"}
        )
        assert "there is no item colour" in await acted(stage, "check", {"item": "colour", "state": "ok"})


def test_every_verb_has_what_plays_it() -> None:
    """Clients and acts together are the verbs of a step."""
    assert {*ACTS, *CLIENTS} == set(Step.model_fields)
    assert set(ACTS).isdisjoint(CLIENTS)
    assert issubclass(BuildClient, Client)


@pytest.mark.parametrize("system", ["linux", "windows"])
@pytest.mark.parametrize("topology", ["existing-vnet", "public-ip"])
def test_templates_fit_their_world(system: str, topology: Any) -> None:
    """A template for either system in a world's own subnet, as Azure takes it."""
    client = BuildClient.model_validate({"system": system, "sees": {"outcome": "works"}})
    found = read_template(template_of(default_world(topology), client))

    assert found.id.name == "scenario"
