"""Where a command's streams go in cmd.exe."""

import asyncio

import pytest

from emulator.machines.winguest.cmd_shell import Shell, scope_of
from emulator.machines.winguest.cmd_streams import MAX_WAITING, Piped, Reading, Routed
from emulator.machines.winguest.cmd_tree import File, Redirections
from emulator.machines.winguest.console import Kept
from emulator.machines.winguest.drive import DriveError
from tests.windows_guest import guest


def test_streams_into_files_and_each_other() -> None:
    """A file is emptied or kept, a stream may go where the other goes, and NUL takes all."""
    with guest({"C:\\kept": "old"}) as made:
        console = Kept()
        shell = Shell(made.session, console, scope_of(made.session))
        Routed(shell, Redirections({"stdout": File("C:\\kept", is_appended=True), "stderr": "stdout"})).write(
            "stdout", b"+"
        )
        Routed(shell, Redirections({"stdout": File("C:\\new"), "stderr": "stdout"})).write("stderr", b"error")
        Routed(shell, Redirections({"stdout": "nul", "stderr": "stderr"})).write("stdout", b"gone")

        assert made.computer.drive.read("C:\\kept") == b"old+"
        assert made.computer.drive.read("C:\\new") == b""
        assert console.text("stdout") == "error"


async def test_input_from_a_file() -> None:
    """A file's content is the input; NUL has none, and a file that is not there is an error."""
    with guest({"C:\\in": "content"}) as made:
        shell = Shell(made.session, Kept(b"console"), scope_of(made.session))

        for source, data in (("C:\\in", [b"content"]), ("nul", []), ("", [b"console"])):
            routed = Routed(shell, Redirections(source=source))
            assert [each async for each in routed.standard_input()] == data
        with pytest.raises(DriveError):
            Routed(shell, Redirections(source="C:\\nope"))


async def test_a_pipe_carries_output_and_waits() -> None:
    """Output goes through, errors go past, and a writer waits for a reader that is behind."""
    console = Kept()
    pipe = Piped(console)
    for number in range(MAX_WAITING + 2):
        pipe.write("stdout", bytes([number]))
    pipe.write("stderr", b"error")
    pipe.end()
    waiting = asyncio.ensure_future(pipe.drained())  # noqa: TID251  # a test's own
    await asyncio.sleep(0)
    assert not waiting.done()

    found = [piece async for piece in Reading(console, pipe).standard_input()]
    await waiting

    assert b"".join(found) == bytes(range(MAX_WAITING + 2))
    assert console.text("stderr") == "error"
