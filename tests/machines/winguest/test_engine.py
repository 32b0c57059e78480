"""Scripts run by the guest's PowerShell; which it refuses, `test_check` says."""

import asyncio
import tempfile
from pathlib import Path

import pytest

from emulator.machines.winguest import cmd_shell
from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.console import Kept
from emulator.machines.winguest.engine import Session
from emulator.machines.winguest.powershell_exe import Planned, run, understood
from tests.windows_vm import SETTINGS


async def play(*scripts: str) -> tuple[str, str, int]:
    """What the last of the scripts writes on a machine where the others have run."""
    with tempfile.TemporaryDirectory() as root:
        computer = Computer(SETTINGS, Path(root), lambda: None)
        session = Session(computer, computer.environment, computer.drive.home)
        for script in scripts:
            console = Kept()
            code = await run(Planned(understood(session, script)), session, console)
        return console.text("stdout"), console.text("stderr"), code


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        # Values and operators
        ("1 + 2 * 3; 7 / 2; 6 / 2; 7 % 4; '5' + 1; 5 + '1'", "7\r\n3.5\r\n3\r\n3\r\n51\r\n6\r\n"),
        ("'a' -eq 'A'; 'a' -ceq 'A'; 1, 2, 3 -gt 1", "True\r\nFalse\r\n2\r\n3\r\n"),
        ("'ab' -like 'a*'; 'ab' -match '(?<x>b)'; $Matches.x; 'abc' -replace 'b', 'x'", "True\r\nTrue\r\nb\r\naxc\r\n"),  # noqa: E501
        ("'{0:D3}|{1,5}|{2}' -f 7, 'x', $true; 'a,b' -split ','; 1, 2 -join '-'", "007|    x|True\r\na\r\nb\r\n1-2\r\n"),  # noqa: E501
        ("$a = @{x=1; y='z'}; $a.x += 5; $a['w'] = 2; \"$($a.x) $($a.y) $($a.Count)\"", "6 z 3\r\n"),
        ("$a, $b = 1, 2, 3; \"$a|$b\"; [int]'5' + 1; 5MB; 1..3", "1|2 3\r\n6\r\n5242880\r\n1\r\n2\r\n3\r\n"),
        ("'Abc'.ToUpper().Substring(1); [string]::IsNullOrEmpty(''); 'x'.PadLeft(3, '.')", "BC\r\nTrue\r\n..x\r\n"),
        ("$x = 'q'; @\"\nhere $x\n\"@; 'it''s'; \"tab`tend\"", "here q\r\nit's\r\ntab\tend\r\n"),
        # Statements
        ("if ($false) {1} elseif (2 -gt 1) {2} else {3}", "2\r\n"),
        ("foreach ($i in 1..3) { if ($i -eq 2) { continue }; $i }", "1\r\n3\r\n"),
        ("for ($i = 0; $i -lt 3; $i++) { $i }; $n = 0; while ($true) { $n++; if ($n -gt 2) { break } }; $n", "0\r\n1\r\n2\r\n3\r\n"),  # noqa: E501
        ("do { $k++ } until ($k -ge 2); $k", "2\r\n"),
        ("switch ('b') {\n 'a' { 1 }\n 'b' { 2 }\n default { 3 }\n}", "2\r\n"),
        ("function Add($a, $b = 2) { return $a + $b }; Add 1; Add -a 1 -b 5", "3\r\n6\r\n"),
        ("try { throw 'x' } catch { \"got $($_.Exception.Message)\" } finally { 'end' }", "got x\r\nend\r\n"),
        ("try { Get-Item C:\\nope -ErrorAction Stop } catch { 'none' }", "none\r\n"),
        ("& { param($p) \"<$p>\" } 'a'; . { $v = 1 }; $v", "<a>\r\n1\r\n"),
        # Pipelines
        ("1..4 | Where-Object { $_ % 2 } | ForEach-Object { $_ * 10 }", "10\r\n30\r\n"),
        ("3, 1, 2 | Sort-Object -Descending | Select-Object -First 2", "3\r\n2\r\n"),
        ("(1..4 | Measure-Object -Sum).Sum; 'a', 'b' | Out-Null; (@(1, 2)).Count", "10\r\n2\r\n"),
        ("Get-Service | Where-Object Status -eq 'Running' | Select-Object -First 1 -ExpandProperty Name", "BITS\r\n"),
        # The machine
        ("New-Item C:\\t -ItemType Directory | Out-Null; Set-Content C:\\t\\a.txt 'one', 'two'; Get-Content C:\\T\\A.TXT", "one\r\ntwo\r\n"),  # noqa: E501
        ("'x' > C:\\a.txt; Test-Path C:\\a.txt; Remove-Item C:\\a.txt; Test-Path C:\\a.txt", "True\r\nFalse\r\n"),
        ("New-Item HKLM:\\SOFTWARE\\A -Force | Out-Null; Set-ItemProperty HKLM:\\SOFTWARE\\A -Name v -Value 7; (Get-ItemProperty HKLM:\\Software\\a).v", "7\r\n"),  # noqa: E501
        ("Stop-Service Spooler; (Get-Service Spooler).Status; (Install-WindowsFeature Web-Server).Success; (Get-WindowsFeature Web-Server).Installed", "Stopped\r\nTrue\r\nTrue\r\n"),  # noqa: E501
        ("$env:A = 'b'; cmd /c 'echo %A% & exit 3'; $LASTEXITCODE", "b \r\n3\r\n"),
        ("[IO.File]::WriteAllText('C:\\x', 'hi'); [IO.File]::ReadAllText('c:/X'); (Get-FileHash C:\\x -Algorithm MD5).Hash", "hi\r\n49F68A5C8493EC2C0BF489821C21FC3B\r\n"),  # noqa: E501
        ("(Get-ChildItem C:\\Windows -Directory).Name; Split-Path C:\\a\\b -Leaf; Join-Path C:\\a b", "System32\r\nTemp\r\nb\r\nC:\\a\\b\r\n"),  # noqa: E501
        ("Write-Host a b; Write-Warning w; Write-Verbose no; $VerbosePreference = 'Continue'; Write-Verbose v", "a b\nWARNING: w\r\nVERBOSE: v\r\n"),  # noqa: E501
        ("(ConvertFrom-Json '{\"a\": [1, 2]}').a; @{b=1} | ConvertTo-Json -Compress", '1\r\n2\r\n{"b":1}\r\n'),
    ],
)  # fmt: skip
async def test_runs(script: str, stdout: str) -> None:
    """A script that is understood writes what Windows would, and succeeds."""
    assert await play(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "code", "part"),
    [
        ("'a'; throw 'bad'; 'b'", 1, "bad"),
        ("'a'; exit 7", 7, ""),
        ("'a'; $ErrorActionPreference = 'Stop'; Get-Item C:\\nope; 'b'", 1, "Cannot find path 'C:\\nope'"),
        ("'a'; $null.Foo.ToString()", 1, "null-valued"),
        ("'a'; Write-Error oops", 1, "oops"),
    ],
)
async def test_fails(script: str, code: int, part: str) -> None:
    """A script that ends early writes what came before, and its error and exit code."""
    stdout, stderr, ended = await play(script)

    assert (stdout, ended) == ("a\r\n", code)
    assert part in stderr


async def test_an_error_does_not_end_a_script() -> None:
    """What is written to the error stream lets the next statement run."""
    stdout, stderr, code = await play("Get-Item C:\\nope; 'b'")

    assert (stdout, code) == ("b\r\n", 0)
    assert "Cannot find path" in stderr


async def test_a_cancelled_script_leaves_no_process() -> None:
    """Ending a script ends what it started: nothing of it is left in the process table."""
    with tempfile.TemporaryDirectory() as root:
        computer = Computer(SETTINGS, Path(root), lambda: None)
        session = Session(computer, computer.environment, computer.drive.home)
        before = dict(computer.processes.table)
        line = "powershell -Command cmd /c ping -n 100 127.0.0.1"

        async with asyncio.TaskGroup() as group:
            task = group.create_task(cmd_shell.run_line(session, Kept(), line))
            while len(computer.processes.table) < len(before) + 4:  # noqa: ASYNC110  # nothing tells that it is there
                await asyncio.sleep(0)  # nothing is set when a program has started
            names = [program.name for program in computer.processes.table.values()]
            task.cancel()

        assert {"powershell.exe", "cmd.exe", "PING.EXE"} <= set(names)
        assert computer.processes.table == before
