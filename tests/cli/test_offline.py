"""Worlds of offline commands: warnings are few, and an image template chooses."""

import pytest

from emulator.cli.offline import SHOWN, warn


def test_warnings_are_few(capsys: pytest.CaptureFixture[str]) -> None:
    """The first warnings are shown on standard error, then how many there are more."""
    warn(f"number {number}" for number in range(SHOWN + 3))

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == "warning: number 0"
    assert shown.err.splitlines()[-1] == "warning: and 3 more like these"
    assert len(shown.err.splitlines()) == SHOWN + 1
