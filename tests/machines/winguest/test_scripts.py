"""Scripts on the drive: which names mean one, and what they run in."""

import pytest

from emulator.machines.winguest import scripts
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("name", "folder", "path"),
    [
        (r"C:\s.ps1", "C:\\Windows", r"C:\s.ps1"),
        (r".\S.PS1", "C:\\", r"C:\s.ps1"),
        (r"..\s.ps1", "C:\\Windows", r"C:\s.ps1"),
        # PowerShell finds nothing in the current folder by its name alone
        ("s.ps1", "C:\\", None),
        (r"C:\nope.ps1", "C:\\", None),
        (r"C:\s.txt", "C:\\", None),
    ],
)
def test_names(name: str, folder: str, path: str | None) -> None:
    """A path with a folder in it, of a script that is there."""
    with guest({r"C:\s.ps1": "1", r"C:\s.txt": "1"}) as made:
        assert scripts.path_in(made.engine, name, folder) == path


@pytest.mark.parametrize(
    ("call", "stdout"),
    [
        (r"& C:\s.ps1 -A 1; $inside", "1|\r\n"),
        (r". C:\s.ps1 1 2; $inside", "1|2\r\nset\r\n"),
        (r"& C:\exit.ps1; $LASTEXITCODE; 'goes on'", "5\r\ngoes on\r\n"),
        (r"$x = & C:\s.ps1 7; \"<$x>\"".replace('\\"', '"'), "<7|>\r\n"),
    ],
)
async def test_runs(call: str, stdout: str) -> None:
    """Parameters by name and position, a scope of its own unless dot-sourced, and its own `exit`."""
    files = {r"C:\s.ps1": "param($A, $B) $inside = 'set'; \"$A|$B\"", r"C:\exit.ps1": "exit 5"}
    with guest(files) as made:
        assert (await made.powershell(call))[:2] == (stdout, "")
