"""Plays of scenarios: as they say, and not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from emulator.app.playing import config_of, on_stage, played
from emulator.errors import InvalidInputError, UnavailableError
from emulator.observe import Observation, Record
from tests.scenarios.files import scenario

pytestmark = pytest.mark.network
WORKS = {"sees": {"outcome": "works"}}


async def test_a_play_that_is_as_it_says(tmp_path: Path) -> None:
    """Nothing is wrong; each step has what its client saw, and what was recorded."""
    evidence = [{"event": {"event": "MachineStateChanged", "hop": "proxy"}}]
    script = [{"tcp": {"sees": {"outcome": "refused"}}}, {"machine": {"proxy": "running"}}, {"ssh": WORKS}]
    found = await played(scenario(tmp_path, script=script, evidence=evidence))

    assert found.wrong == ()
    assert [each.seen.outcome if each.seen else "" for each in found.steps] == ["refused", "", "works"]
    assert [event.event for event in found.steps[1].events if isinstance(event, Observation)] == [
        "MachineStateChanged"
    ]


async def test_what_a_client_did_is_recorded_before_the_next_step(tmp_path: Path) -> None:
    """A connection that its client has closed is waited for; one that stays open is not, for longer than a moment."""
    works = scenario(tmp_path, machines={}, symptom="works", script=[{"ssh": WORKS}])
    async with on_stage(works) as stage:
        await stage.settled(0)  # the start tried the channel
        endpoint = stage.channel.status.endpoints["linux"]
        _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
        place = "{}:{}".format(*writer.get_extra_info("sockname"))
        while not stage.connections:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await stage.settled(0)
        assert stage.connections == 1
        writer.close()
        await stage.settled(0)

        assert stage.connections == 0
        assert any(isinstance(each, Record) and each.client == place for each in stage.channel.events())


async def test_a_play_that_is_not(tmp_path: Path) -> None:
    """The step that differs and the evidence that lacks are named."""
    wanted = {"tcp": {"patience": 1, "sees": {"outcome": "refused", "says": ["by nobody"]}}}
    playing = scenario(tmp_path, script=[wanted, {"wait": {"machine": {"proxy": "service-stopped"}}}])
    found = await played(playing)

    assert found.wrong == (
        "step 1, tcp at linux patience 1.0: found 'connection refused', expected 'by nobody' in it",
    )


async def test_steps_happen_meanwhile(tmp_path: Path) -> None:
    """Once the client has said a word, while it goes on; it then meets them."""
    beside = {"after": "begun", "meanwhile": [{"fault": {"kind": "reset", "hop": "proxy", "name": "cut"}}]}
    client = {"command": "echo begun; sleep 60", "sees": {"outcome": "fails", "says": ["begun"]}, **beside}
    changes: dict[str, Any] = {"machines": {}, "symptom": "fails", "script": [{"ssh": client}]}
    found = await played(scenario(tmp_path, evidence=[{"record": {"faults": ["cut"]}}], **changes))

    assert found.wrong == ()
    assert [each.what for each in found.steps] == [
        "ssh at linux after begun: echo begun; sleep 60",
        "fault: kind reset hop proxy name cut",
    ]


async def test_a_word_that_never_comes(tmp_path: Path) -> None:
    """What was to happen after it does not happen, and the play says so."""
    client = {"after": "begun", "meanwhile": [{"heal": "nothing"}], **WORKS}
    changes: dict[str, Any] = {"machines": {}, "symptom": "works", "script": [{"ssh": client}]}
    found = await played(scenario(tmp_path, **changes))

    (said,) = found.wrong
    assert said.startswith("step 1, ssh at linux after begun: echo it works: ")
    assert said.endswith("found 'it works\\n', expected 'begun' in it before its end")


async def test_a_client_that_hangs_is_ended(tmp_path: Path) -> None:
    """It hangs for as long as its patience, and is gone then."""
    client = {"command": "echo begun; sleep 600", "patience": 2, "sees": {"outcome": "hangs"}}
    changes: dict[str, Any] = {"machines": {}, "symptom": "hangs", "script": [{"ssh": client}]}
    found = await played(scenario(tmp_path, **changes))

    assert found.wrong == ()
    assert found.steps[0].seen
    assert found.steps[0].seen.said == "begun\n(ended after 2 s)"


async def test_several_at_once_do_not_meet(tmp_path: Path) -> None:
    """Three plays beside each other, each with ports of its own."""
    found = await asyncio.gather(*(played(scenario(tmp_path, name)) for name in ("one", "two", "three")))

    assert [each.wrong for each in found] == [(), (), ()]


async def test_the_trials_of_the_start_are_no_evidence(tmp_path: Path) -> None:
    """Connections that are older than the script are not its client's."""
    async with on_stage(scenario(tmp_path)) as stage:
        records = [each for each in stage.channel.events() if isinstance(each, Record)]
        said = await stage.until(records_of_peers(), seconds=0.1)
        assert all(not stage.is_ours(each) for each in records)

    assert said.startswith("found no record reason peer within 0.1 s")


def records_of_peers() -> Any:
    """A record that only a connection that was carried leaves."""
    from emulator.scenarios.step import RecordSeen

    return RecordSeen.model_validate({"reason": {"kind": "peer"}})


def test_settings_and_scale_are_checked(tmp_path: Path) -> None:
    """A scale beyond the largest, and a setting that there is not, start nothing."""
    assert config_of(scenario(tmp_path), 20).time_scale == 20
    with pytest.raises(InvalidInputError, match="--time-scale: found 200, expected at most 100"):
        config_of(scenario(tmp_path), 200)
    with pytest.raises(InvalidInputError, match=r"gone: settings: switches\.x: no such key"):
        config_of(scenario(tmp_path, settings={"switches": {"x": 1}}))


async def test_what_lacks_is_said_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that this machine has not."""
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UnavailableError, match="gone: there is no packer on this machine"):
        await played(scenario(tmp_path, needs=["packer"]))
