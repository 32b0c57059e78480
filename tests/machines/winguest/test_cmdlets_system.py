"""Cmdlets about services, features, processes and the machine."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("(Get-Service w32time).Status; Stop-Service W32Time; (Get-Service W32Time).Status", "Running\r\nStopped\r\n"),  # noqa: E501
        ("Get-Service Spooler | Stop-Service -PassThru | ForEach-Object Status", "Stopped\r\n"),
        ("Set-Service Spooler -StartupType Disabled -Status Stopped; (Get-Service Spooler).StartType", "Disabled\r\n"),  # noqa: E501
        ("New-Service Mine C:\\x.exe | Out-Null; (Get-Service Mine).Status", "Stopped\r\n"),
        ("(Get-Service W*).Name -join ','", "W32Time,WindowsAzureGuestAgent,WinRM,wuauserv\r\n"),
        ("(Install-WindowsFeature Web-Server, DNS).FeatureResult -join ','", "Web-Server,DNS\r\n"),
        ("Install-WindowsFeature DNS | Out-Null; Uninstall-WindowsFeature DNS | Out-Null; (Get-WindowsFeature DNS).Installed", "False\r\n"),  # noqa: E501
        ("Enable-WindowsOptionalFeature -Online -FeatureName IIS-WebServer | Out-Null; (Get-WindowsOptionalFeature -Online -FeatureName IIS-WebServer).State", "Enabled\r\n"),  # noqa: E501
        ("(Get-Process powershell).Count", "1\r\n"),
        ("(Get-CimInstance Win32_OperatingSystem).BuildNumber; (Get-WmiObject Win32_ComputerSystem).Model", "20348\r\nVirtual Machine\r\n"),  # noqa: E501
        ("(Start-Process cmd.exe -ArgumentList '/c', 'exit 3' -Wait -PassThru).ExitCode", "3\r\n"),
    ],
)  # fmt: skip
async def test_plays(script: str, stdout: str) -> None:
    """State is recorded, and told again."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


async def test_a_missing_service_is_an_error() -> None:
    """By its name; a pattern without a match is nothing."""
    with guest() as made:
        assert "Cannot find any service with service name 'nope'" in (await made.powershell("Get-Service nope"))[1]
        assert await made.powershell("Get-Service nope*") == ("", "", 0)


async def test_a_restart_is_asked_for_once() -> None:
    """`Restart-Computer` asks the machine to go down; a second one meets the first."""
    with guest() as made:
        first = await made.powershell("Restart-Computer -Force")
        second = await made.powershell("Restart-Computer -Force")
        made.computer.restarts.close()

    assert first == ("", "", 0)
    assert "A system shutdown is in progress." in second[1]
