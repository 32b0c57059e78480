"""Values that must be certain: each that is played is taken, every other is refused."""

import pytest

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.powershell_exe import understood
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("played", "refused"),
    [
        ("Set-Content C:\\a x -Encoding UTF8", "Set-Content C:\\a x -Encoding utf32"),
        ("Get-FileHash C:\\a -Algorithm sha512", "Get-FileHash C:\\a -Algorithm RIPEMD160"),
        ("New-Item C:\\a -ItemType Directory", "New-Item C:\\a -ItemType SymbolicLink"),
        ("Get-Date -Format 'yyyy-MM-dd HH:mm'", "Get-Date -Format 'dddd'"),
        ("Restart-Computer -Force", "Restart-Computer -ComputerName other"),
        ("Get-Item C:\\ -ErrorAction SilentlyContinue", "Get-Item C:\\ -ErrorAction Inquire"),
        ("Remove-Item C:\\a -Confirm:$false", "Remove-Item C:\\a -Confirm"),
        ("Test-Path C:\\a -PathType Leaf", "Test-Path C:\\a -PathType $kind"),
        ("Set-Service W32Time -StartupType Disabled", "Set-Service W32Time -StartupType AutomaticDelayedStart"),
        ("Add-Member -InputObject $o -MemberType NoteProperty -Name a -Value 1", "Add-Member -InputObject $o -MemberType ScriptMethod -Name a -Value 1"),  # noqa: E501
        ("Remove-Item env:A", "Remove-Item cert:\\a"),
        ("Test-Path variable:x", "Test-Path alias:x"),
        ("$kind = 'Directory'; New-Item C:\\a -ItemType $kind", "$kind = 'Junction'; New-Item C:\\a -ItemType $kind"),
        ("Install-WindowsFeature Web-Server, Containers", "Install-WindowsFeature Web-Server, Web-Frob"),
    ],
)  # fmt: skip
def test_played_or_refused(played: str, refused: str) -> None:
    """The one is understood, and the other is not."""
    with guest() as made:
        understood(made.session, played)
        with pytest.raises(NotUnderstoodError):
            understood(made.session, refused)
