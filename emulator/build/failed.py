"""A step that failed, and with it the build."""

from emulator.errors import EmulatorError


class StepFailedError(EmulatorError):
    """A step ended the build; the message is Packer's.

    Attributes:
        is_disconnect: the build VM was lost in the middle of it.
    """

    def __init__(self, message: str, *, is_disconnect: bool = False) -> None:
        super().__init__(message)
        self.is_disconnect = is_disconnect
