"""Drive C: in a sandbox: what goes in, and what comes out."""

from collections.abc import Iterator

import pytest

from tests.windows_hosts import hosts, said, stand_in

pytestmark = pytest.mark.network


@pytest.fixture
def pwsh() -> Iterator[str]:
    """A stand-in for PowerShell."""
    with stand_in() as program:
        yield program


async def test_the_drive_is_there_and_changes_come_back(pwsh: str) -> None:
    """Drive C: is the program's too: what it writes and removes is written and removed; odd names stay behind."""
    async with hosts("pwsh", pwsh=pwsh) as (computer, made):
        for name in ("given", "gone"):
            computer.drive.write(rf"C:\{name}.txt", b"here\n")
        _, stdout, stderr, code = await said(made, "powershell files")

        assert (stdout, stderr, code) == ("here\n", "", 0)
        assert computer.drive.read(r"C:\Users\made.txt") == b"made\n"
        assert computer.drive.find(r"C:\gone.txt") is None
        assert not any("|" in path.name for path in computer.drive.root.rglob("*"))


async def test_no_link_comes_out(pwsh: str) -> None:
    """A link in the sandbox is none on the drive, wherever it leads."""
    async with hosts("pwsh", pwsh=pwsh) as (computer, made):
        await said(made, "powershell escape")

        assert not any(path.is_symlink() for path in computer.drive.root.rglob("*"))


async def test_what_is_changed_between_commands_goes_in(pwsh: str) -> None:
    """What others write and remove on the drive is seen by the next command."""
    async with hosts("pwsh", pwsh=pwsh) as (computer, made):
        for text in (b"first\n", b"second\n"):
            computer.drive.write(r"C:\given.txt", text)
            computer.drive.write(r"C:\gone.txt", b"x")
            assert (await said(made, "powershell files"))[1] == text.decode()
        computer.drive.remove(r"C:\given.txt")
        _, _, stderr, _ = await said(made, "powershell files")

    assert "No such file" in stderr


async def test_the_drive_keeps_its_size(pwsh: str) -> None:
    """A sandbox that writes more than the drive holds leaves the drive as it was."""
    async with hosts("pwsh", pwsh=pwsh, drive_megabytes=1) as (computer, made):
        await said(made, "powershell big-file")

        assert computer.drive.find(r"C:\big.bin") is None
        assert computer.drive.free_bytes > 0
