"""`>`, `>>` and `2>&1`."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "content"),
    [
        ("'a' > C:\\o", "a"),
        ("'a' > C:\\o; 'b' >> C:\\o", "a|b"),
        ("'a' > C:\\o; 'b' > C:\\o", "b"),
        ("Write-Warning w 3> C:\\o", "w"),
        ("Write-Host h 6> C:\\o", "h"),
        ("& { 'out'; Write-Warning w } *> C:\\o", "out|w"),
        ("& { 'out'; Write-Warning w } 3>&1 > C:\\o", "out|w"),
    ],
)
async def test_into_files(script: str, content: str) -> None:
    """Streams go into files, in Windows' own encoding."""
    with guest() as made:
        _, stderr, _ = await made.powershell(script)
        text = made.computer.drive.text("C:\\o") or ""

    assert stderr == ""
    assert text.splitlines() == content.split("|")


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ('$e = Write-Error oops 2>&1; "<$e>"', "<oops>\r\n"),
        ("'a' > $null; Write-Error x 2> $null; 'b'", "b\r\n"),
        ("cmd /c 'echo err>&2' 2>&1 | ForEach-Object { \"<$_>\" }", "<err>\r\n"),
        ("Get-Item C:\\nope *> $null; 'c'", "c\r\n"),
    ],
)
async def test_into_each_other(script: str, stdout: str) -> None:
    """An error that is merged is a value, and what goes to null is gone."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)
