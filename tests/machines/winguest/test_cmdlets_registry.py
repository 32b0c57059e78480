"""Cmdlets over the values of registry keys."""

import pytest

from tests.windows_guest import guest

KEY = "HKLM:\\SOFTWARE\\Policies\\Microsoft\\Windows"


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        (f"Set-ItemProperty {KEY} -Name a -Value 1; (Get-ItemProperty {KEY}).a", "1\r\n"),
        (f"Set-ItemProperty {KEY} a 1; Set-ItemProperty {KEY} A 2; Get-ItemPropertyValue {KEY} a", "2\r\n"),
        (f"New-ItemProperty {KEY} -Name n -PropertyType DWord -Value '5' -Force | Out-Null; (Get-ItemProperty {KEY} n).n + 1", "6\r\n"),  # noqa: E501
        (f"Set-ItemProperty {KEY} a 1; Remove-ItemProperty {KEY} a; (Get-ItemProperty {KEY}).a -eq $null", "True\r\n"),  # noqa: E501
        ("(Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion').ProductName", "Windows Server 2022 Datacenter\r\n"),  # noqa: E501
        ("(Get-ChildItem HKLM:\\SOFTWARE\\Policies).PSChildName", "Microsoft\r\n"),
    ],
)  # fmt: skip
async def test_values(script: str, stdout: str) -> None:
    """Values are kept by their name without case, numbers as numbers."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("Get-ItemProperty HKLM:\\nope", "does not exist"),
        (f"Get-ItemProperty {KEY} -Name nope", "Property nope does not exist"),
        (f"Set-ItemProperty {KEY} a 1; New-ItemProperty {KEY} -Name a -Value 2", "already exists"),
        (f"Remove-ItemProperty {KEY} -Name nope", "does not exist"),
    ],
)
async def test_errors(script: str, part: str) -> None:
    """Keys and values that are not there, or there already."""
    with guest() as made:
        assert part in (await made.powershell(script))[1]
