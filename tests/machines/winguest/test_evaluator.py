"""Expressions, assignments and variables as they are evaluated."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("$a = $b = 2; $a + $b", "4\r\n"),
        ("$i = 1; $i++; ++$i; $i--; $i += 2; $i", "4\r\n"),
        ("$h = @{}; $h.a = 1; $h['b'] = 2; $h.a + $h.b", "3\r\n"),
        ("$l = 1, 2; $l[1] = 5; $l -join ','", "1,5\r\n"),
        ("$false -and $x.Y.ToString(); $true -or $x", "False\r\nTrue\r\n"),
        ("'ab' -match '(a)(b)'; $Matches[2]", "True\r\nb\r\n"),
        ("$x = if ($true) { 'then' }; $x", "then\r\n"),
        ("$x = foreach ($i in 1..2) { $i }; $x.Count", "2\r\n"),
        ('$x = 5; & { $x = 6; $script:y = $x }; "$x $y"', "5 6\r\n"),
        ("[int]$n = '5'; $n + 1", "6\r\n"),
        ("$o = [ordered]@{b=1; a=2}; ($o.Keys) -join ','", "b,a\r\n"),
        ("$p = [pscustomobject]@{a=1}; $p.a = 2; $p.a", "2\r\n"),
        ("$?; Get-Item C:\\nope -ErrorAction SilentlyContinue; $?", "True\r\nFalse\r\n"),
        ("$PSVersionTable.PSVersion.Major; $HOME; $null -eq $nothing", "5\r\nC:\\Users\\packer\r\nTrue\r\n"),
        ('"$(1 + 1) $($x = 3; $x)"', "2 3\r\n"),
        ("(1, 2, 3)[0, 2] -join ''; 'abc'[-1]", "13\r\nc\r\n"),
    ],
)
async def test_evaluates(script: str, stdout: str) -> None:
    """As PowerShell does."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("$true = 1", "Cannot overwrite variable true"),
        ("$l = 1, 2; $l[5] = 1", "was outside the bounds of the array"),
        ("$x.a = 1", "cannot be found on this object"),
        ("$null[0]", "Cannot index into a null array"),
        ("$n = 0; 1 / $n", "divide by zero"),
    ],
)
async def test_errors(script: str, part: str) -> None:
    """What cannot be is an error with PowerShell's words."""
    with guest() as made:
        stdout, stderr, _ = await made.powershell(f"{script}; 'goes on'")

    assert part in stderr
    assert stdout == "goes on\r\n"
