"""The steps of a script."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from emulator.scenarios.step import Sees, Step, TcpClient, steps_of
from tests.scenarios.files import scenario


def test_a_step_has_exactly_one_verb() -> None:
    """Its verb and its value are those of the one key that was given."""
    step = Step.model_validate({"heal": "reset"})

    assert (step.verb, step.value) == ("heal", "reset")
    with pytest.raises(ValidationError, match="exactly one of the keys"):
        Step.model_validate({"heal": "reset", "wait": {"seconds": 1}})


def test_patience_is_short_only_where_nothing_is_to_come() -> None:
    """What is expected to come gets the time a busy machine needs; a figure of its own wins."""
    long, short, own = (
        TcpClient(sees=Sees(outcome="works")),
        TcpClient(sees=Sees(outcome="mute")),
        TcpClient(sees=Sees(outcome="mute"), patience=3),
    )

    assert long.seconds > 10
    assert short.seconds < 1
    assert own.seconds == 3


def test_steps_that_happen_meanwhile_count(tmp_path: Path) -> None:
    """They are among the steps of the script, after the client that they accompany."""
    inner = {"heal": "x"}
    outer = {"tcp": {"sees": {"outcome": "refused"}, "meanwhile": [inner]}}
    found = scenario(tmp_path, script=[outer, {"heal": "y"}])

    assert [each.verb for each in steps_of(found.script)] == ["tcp", "heal", "heal"]
