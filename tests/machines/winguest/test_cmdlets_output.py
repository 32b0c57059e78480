"""Cmdlets that write."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("Write-Output a b; 'c' | Write-Output", "a\r\nb\r\nc\r\n"),
        # What is for the person at the console ends its lines with LF alone where there is no console
        ("Write-Host a b -Separator ','; Write-Host x -NoNewline", "a,b\nx"),
        ("Write-Warning w; Write-Verbose v; Write-Verbose v -Verbose; Write-Debug d", "WARNING: w\r\nVERBOSE: v\r\n"),
        ("$WarningPreference = 'SilentlyContinue'; Write-Warning w", ""),
        ("Write-Information i; Write-Information j -InformationAction Continue", "j\r\n"),
        ("1 | Out-Null; 1 | Out-String -Stream; 'a' | Out-Host", "1\r\na\n"),
        ("Write-Progress a -PercentComplete 5", ""),
        ("@{a=1} | Format-Table -HideTableHeaders | Out-String -Stream | Where-Object { $_ }", "a     1\r\n"),
        ("[pscustomobject]@{a=1} | Format-List | Out-String -Stream | Where-Object { $_ }", "a : 1\r\n"),
    ],
)
async def test_writes(script: str, stdout: str) -> None:
    """To standard output, in each stream's words."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "part", "code"),
    [
        ("Write-Error oops", "oops", 1),
        ("Write-Error oops; 1", "oops", 0),
        ("Write-Error oops -ErrorAction SilentlyContinue; 1", "", 0),
        ("Write-Error oops -ErrorAction Stop; 1", "oops", 1),
        ("$WarningPreference = 'Stop'; Write-Warning w; 1", "w", 1),
    ],
)
async def test_errors(script: str, part: str, code: int) -> None:
    """An error ends a script only where it is to."""
    with guest() as made:
        _, stderr, ended = await made.powershell(script)

    assert ended == code
    assert part in stderr
    assert bool(stderr) == bool(part)
