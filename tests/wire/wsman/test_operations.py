"""The values that requests become."""

from emulator.wire.wsman.operations import Create


def test_a_shell_has_windows_streams() -> None:
    """A Create that says nothing means a shell of cmd.exe, with its three streams."""
    create = Create("")

    assert (create.input_streams, create.output_streams, create.creation) == ("stdin", "stdout stderr", b"")
