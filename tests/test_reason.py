"""A verdict carries its reason and prints as its sentence."""

import pytest

from emulator.reason import Outcome, Reason, Verdict


@pytest.mark.parametrize("outcome", list(Outcome))
def test_verdicts(outcome: Outcome) -> None:
    """Only a carried verdict lets a flow go on; each prints as its sentence."""
    verdict = Verdict(outcome, Reason("rule", "/id", "name"), "why it fell")

    assert verdict.carried == (outcome is Outcome.CARRIED)
    assert str(verdict) == "why it fell"
