"""What a cmdlet is."""

import pytest

from emulator.machines.winguest.cmdlet import Invocation, cmdlet


async def nothing(_: Invocation) -> None:
    """A cmdlet that does nothing."""


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("Path", "path"),
        ("pat", None),
        ("pass", "passthru"),
        ("p", None),
        ("PassThru", "passthru"),
        ("Kind", "type"),
        ("ErrorAction", "erroraction"),
        ("ea", "erroraction"),
        ("verb", "verbose"),
        ("Frob", None),
    ],
)
def test_parameters(written: str, found: str | None) -> None:
    """By name, by a beginning that is one's alone, by an alias; the common ones are every cmdlet's."""
    made = cmdlet("Do-It", nothing, "Path -PassThru Type Pattern Kind=Type", positional="Path Type")

    assert made.parameter(written) == found


def test_switches_and_positions() -> None:
    """A parameter with a minus takes no value; positions are in their order."""
    made = cmdlet("Do-It", nothing, "Path -PassThru", positional="Path")

    assert (made.is_switch("passthru"), made.is_switch("path"), made.is_switch("verbose")) == (True, False, True)
    assert made.positional == ("path",)
