"""Cmdlets of the language itself."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("Set-Variable x 5; $x; (Get-Variable x).Value; Get-Variable x -ValueOnly", "5\r\n5\r\n5\r\n"),
        ("$x = 1; Remove-Variable x; $x -eq $null", "True\r\n"),
        ("function f { Set-Variable x 2 -Scope Global }; f; $x", "2\r\n"),
        ("Invoke-Expression '1 + 1'; Invoke-Command { param($a) $a } -ArgumentList 3", "2\r\n3\r\n"),
        ("Start-Sleep -Milliseconds 1; Set-StrictMode -Version Latest; Get-ExecutionPolicy", "RemoteSigned\r\n"),
        ("Import-Module ServerManager; (Get-Module ServerManager).Name", "ServerManager\r\n"),
        (
            "(Get-Command Get-Item).CommandType; (Get-Command nope -ErrorAction SilentlyContinue) -eq $null",
            "Cmdlet\r\nTrue\r\n",
        ),
        ("(Get-Host).Name", "ConsoleHost\r\n"),
    ],
)
async def test_plays(script: str, stdout: str) -> None:
    """Variables, scripts in strings, modules, time."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("Get-Variable nope", "Cannot find a variable with the name 'nope'"),
        ("Remove-Variable nope", "Cannot find a variable"),
        ("Start-Sleep -1", "minimum allowed range"),
        ("Get-Command nope", "The term 'nope' is not recognized"),
        ("Read-Host", "NonInteractive"),
    ],
)
async def test_errors(script: str, part: str) -> None:
    """What is not there, and nobody to be asked."""
    with guest() as made:
        assert part in (await made.powershell(script))[1]
