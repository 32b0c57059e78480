""".NET's files, folders and environment."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        (
            "[IO.File]::WriteAllText('C:\\a', 'x'); [IO.File]::AppendAllText('C:\\a', 'y'); [IO.File]::ReadAllText('C:\\a')",  # noqa: E501
            "xy\r\n",
        ),
        ("[IO.File]::WriteAllBytes('C:\\a', [byte[]](65, 66)); [IO.File]::ReadAllBytes('C:\\a').Length", "2\r\n"),
        ("Set-Content C:\\a 'x', 'y'; [IO.File]::ReadAllLines('C:\\a').Count", "2\r\n"),
        ("[IO.File]::Exists('C:\\nope'); [IO.Directory]::Exists('C:\\Windows')", "False\r\nTrue\r\n"),
        ("[void][IO.Directory]::CreateDirectory('C:\\d\\e'); Test-Path C:\\d\\e", "True\r\n"),
        (
            "[IO.File]::WriteAllText('C:\\a', ''); [IO.File]::Delete('C:\\a'); [IO.File]::Delete('C:\\a'); Test-Path C:\\a",  # noqa: E501
            "False\r\n",
        ),
        (
            "[IO.Path]::Combine('C:\\a', 'b'); [IO.Path]::GetExtension('a.txt'); [IO.Path]::GetFullPath('x')",
            "C:\\a\\b\r\n.txt\r\nC:\\Users\\packer\\x\r\n",
        ),
        (
            "[Environment]::SetEnvironmentVariable('A', 'b'); $env:A; [Environment]::GetEnvironmentVariable('A')",
            "b\r\nb\r\n",
        ),
        (
            "[Environment]::SetEnvironmentVariable('M', 'm', 'Machine'); $env:M -eq $null; [Environment]::GetEnvironmentVariable('M', 'Machine')",  # noqa: E501
            "True\r\nm\r\n",
        ),
        ("[Environment]::ExpandEnvironmentVariables('%USERNAME%-%NOPE%')", "packer-%NOPE%\r\n"),
        ("[Console]::WriteLine('x'); [Console]::Write('y')", "x\ny"),
        ("[Net.Dns]::GetHostName()", "BUILD-WINDOWS\r\n"),
    ],
)
async def test_plays(script: str, stdout: str) -> None:
    """Static methods do what .NET's do, over drive C:."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    "script", ["[IO.File]::ReadAllText('C:\\nope')", "[IO.File]::WriteAllText('C:\\nope\\a', 'x')"]
)
async def test_errors_can_be_caught(script: str) -> None:
    """What cannot be had is an exception."""
    with guest() as made:
        assert (await made.powershell(f"try {{ {script} }} catch {{ 'caught' }}"))[0] == "caught\r\n"
