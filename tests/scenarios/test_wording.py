"""Steps and changes on one line."""

from typing import Any

import pytest

from emulator.scenarios.step import Step
from emulator.scenarios.wording import step_in_words

SEES = {"outcome": "works"}
RULE = {"name": "No", "priority": 300, "access": "Deny", "from": "*"}
SAID: list[tuple[dict[str, Any], str]] = [
    ({"tcp": {"sees": SEES, "session": "a"}}, "tcp at linux session a"),
    ({"winrm": {"sees": SEES, "command": "dir"}}, "winrm at windows: dir"),
    ({"build": {"sees": SEES, "inline": ["a", "b"]}}, "build at linux: a; b"),
    ({"deploy": {"sees": SEES, "changes": [{"remove_rule": "x"}]}}, "deploy at linux: remove_rule x"),
    ({"change": [{"rule": RULE}, {"remove_rule": "x"}]}, "change: rule No 300 Deny *, remove_rule x"),
    ({"heal": "cut"}, "heal: cut"),
    ({"machine": {"proxy": "running"}}, "machine: proxy running"),
    ({"wait": {"record": {"reason": {"kind": "timer"}}}}, "wait: record timer"),
    ({"fault": {"kind": "reset", "hop": "proxy"}}, "fault: kind reset hop proxy"),
]


@pytest.mark.parametrize(("step", "said"), SAID)
def test_steps_in_words(step: dict[str, Any], said: str) -> None:
    """What is done, where, and with which settings; what must be seen is said elsewhere."""
    assert step_in_words(Step.model_validate(step)) == said
