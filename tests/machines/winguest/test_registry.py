"""Registry keys by path, kept as data."""

import pytest

from emulator.machines.winguest import registry
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("HKLM:\\Software\\X", "HKLM:\\Software\\X"),
        ("hklm:/Software/X/", "HKLM:\\Software\\X"),
        ("HKEY_LOCAL_MACHINE\\X", "HKLM:\\X"),
        ("Registry::HKEY_CURRENT_USER\\X", "HKCU:\\X"),
        ("Microsoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE\\X", "HKLM:\\X"),
        ("C:\\X", None),
        ("HKXX:\\X", None),
    ],
)
def test_paths(path: str, normal: str | None) -> None:
    """A key has one path for all that it is written as; what is none is a file's."""
    assert registry.normal(path) == normal


async def test_keys() -> None:
    """A key is made with those above it, listed below them, and removed with those below it."""
    script = (
        "New-Item HKCU:\\A\\B\\C -Force | Out-Null; (Get-ChildItem HKCU:\\A -Recurse).Name; "
        "(Get-Item HKCU:\\a\\b).PSChildName; Remove-Item HKCU:\\A\\B; Test-Path HKCU:\\A\\B\\C; Test-Path HKCU:\\A"
    )
    with guest() as made:
        assert (await made.powershell(script))[0] == (
            "HKEY_CURRENT_USER\\A\\B\r\nHKEY_CURRENT_USER\\A\\B\\C\r\nB\r\nFalse\r\nTrue\r\n"
        )
