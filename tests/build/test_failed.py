"""A step that failed."""

from emulator.build.failed import StepFailedError


def test_a_disconnect_is_told_apart() -> None:
    """The message is Packer's, and a lost machine is marked."""
    assert not StepFailedError("x").is_disconnect
    assert StepFailedError("x", is_disconnect=True).is_disconnect
    assert str(StepFailedError("x")) == "x"
