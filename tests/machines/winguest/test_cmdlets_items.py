"""Cmdlets over whatever has a path."""

import pytest

from tests.windows_guest import guest

FILES = {"C:\\f\\a.txt": "one\r\ntwo\r\nthree\r\n", "C:\\f\\b.log": "x", "C:\\f\\g\\c.txt": "deep"}


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("Test-Path C:\\f; Test-Path C:\\f -PathType Leaf; Test-Path C:\\nope", "True\r\nFalse\r\nFalse\r\n"),
        ("Test-Path env:TEMP; Test-Path variable:nope", "True\r\nFalse\r\n"),
        ("(Get-Item C:\\f\\A.TXT).Length; (Get-Item C:\\f).PSIsContainer", "17\r\nTrue\r\n"),
        ("(Get-ChildItem C:\\f).Name -join ','", "g,a.txt,b.log\r\n"),
        ("(Get-ChildItem C:\\f -File -Filter *.txt).Name", "a.txt\r\n"),
        ("(Get-ChildItem C:\\f -Recurse -Include *.txt).Name -join ','", "a.txt,c.txt\r\n"),
        ("(Get-ChildItem C:\\f -Exclude *.txt -File).Name", "b.log\r\n"),
        ("Get-ChildItem C:\\f\\*.log -Name", "b.log\r\n"),
        ("Get-Content C:\\f\\a.txt -TotalCount 1; Get-Content C:\\f\\a.txt -Tail 1", "one\r\nthree\r\n"),
        ("(Get-Content C:\\f\\a.txt -Raw).Length", "17\r\n"),
        ("'a', 'b' | Set-Content C:\\n.txt; Add-Content C:\\n.txt 'c'; Get-Content C:\\n.txt", "a\r\nb\r\nc\r\n"),
        ("'a' | Out-File C:\\n.txt -Encoding ascii; 'b' | Out-File C:\\n.txt -Append -Encoding ascii; Get-Content C:\\n.txt", "a\r\nb\r\n"),  # noqa: E501
        ("Set-Content C:\\n.txt 'x' -NoNewline; (Get-Item C:\\n.txt).Length", "1\r\n"),
        ("Copy-Item C:\\f C:\\h -Recurse; Test-Path C:\\h\\g\\c.txt", "True\r\n"),
        ("Move-Item C:\\f\\a.txt C:\\m.txt; Test-Path C:\\f\\a.txt; Test-Path C:\\m.txt", "False\r\nTrue\r\n"),
        ("Rename-Item C:\\f\\a.txt z.txt; Test-Path C:\\f\\z.txt", "True\r\n"),
        ("Remove-Item C:\\f\\*.txt; (Get-ChildItem C:\\f -File).Name", "b.log\r\n"),
        ("Get-ChildItem C:\\f -File | Remove-Item; (Get-ChildItem C:\\f).Name", "g\r\n"),
        ("New-Item C:\\x\\y -ItemType Directory | Out-Null; mkdir C:\\x\\z | Out-Null; (Get-ChildItem C:\\x).Name -join ','", "y,z\r\n"),  # noqa: E501
        ("New-Item C:\\x\\y.txt -Force -Value hi | Out-Null; Get-Content C:\\x\\y.txt", "hi\r\n"),
        ("Join-Path C:\\a\\ \\b; Split-Path C:\\a\\b; Split-Path C:\\a\\b -Leaf; Split-Path C:\\a -Qualifier", "C:\\a\\b\r\nC:\\a\r\nb\r\nC:\r\n"),  # noqa: E501
        ("(Resolve-Path C:\\F\\a.TXT).Path", "C:\\f\\a.txt\r\n"),
        ("Set-Location C:\\f; (Get-Location).Path; Test-Path a.txt", "C:\\f\r\nTrue\r\n"),
        ("(Get-FileHash C:\\f\\b.log -Algorithm MD5).Hash", "9DD4E461268C8034F5C8564E155C67A6\r\n"),
        ("New-Item HKLM:\\SOFTWARE\\N -Force | Out-Null; Test-Path HKLM:\\software\\n; Remove-Item HKLM:\\SOFTWARE\\N; Test-Path HKLM:\\SOFTWARE\\N", "True\r\nFalse\r\n"),  # noqa: E501
    ],
)  # fmt: skip
async def test_plays(script: str, stdout: str) -> None:
    """Files, folders, keys and variables are found, read, written and removed."""
    with guest() as made:
        made.computer.drive.make_folder("C:\\f\\g")
        made.put(FILES)
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("Get-Item C:\\nope", "Cannot find path 'C:\\nope'"),
        ("Remove-Item C:\\f", "Recurse parameter was not specified"),
        ("New-Item C:\\f\\a.txt", "already exists"),
        ("Set-Content C:\\nope\\a x", "Could not find a part of the path"),
        ("Copy-Item C:\\f C:\\f\\g -Recurse", "into itself"),
        ("Set-Location C:\\nope", "Cannot find path"),
    ],
)
async def test_fails(script: str, part: str) -> None:
    """Windows' sentence, on the error stream."""
    with guest() as made:
        made.computer.drive.make_folder("C:\\f\\g")
        made.put(FILES)
        _, stderr, _ = await made.powershell(script)

    assert part in stderr
