"""The scripts of real image templates: which the guest plays, and which it refuses, for what, before they begin.

The templates are Microsoft's, as `tests/data/azure/SOURCES.md` says.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.build.provision_windows import DEFAULT
from emulator.machines.winguest.errors import NotUnderstoodError
from tests.windows_guest import guest

TEMPLATES = Path(__file__).parents[2] / "data" / "azure"
BUILD_ACTIONS = "mkdir c:\\{0}\necho Azure-Image-Builder-Was-Here  > c:\\{0}\\buildActionsOutput.txt"
PLAYED, EXAMPLE = "", "command-1"
INLINE = {
    BUILD_ACTIONS.format("buildActions"): PLAYED,
    BUILD_ACTIONS.format("buildActions2"): PLAYED,
    # The REST reference's own example is no PowerShell that does anything.
    "Powershell command-1\nPowershell command-2\nPowershell command-3": EXAMPLE,
}
"""Each inline script of a template, and the part for which it is refused."""
COMMANDS = {
    "echo Azure-Image-Builder-Restarted-the-VM  > c:\\buildArtifacts\\azureImageBuilderRestart.txt": PLAYED,
    'shutdown /f /r /t 0 /c "packer restart"': PLAYED,
    "powershell -command \"& {Write-Output 'restarted.'}\"": PLAYED,
}
"""Each restart command and check."""


DOCUMENTED = r"""
if( Test-Path $Env:SystemRoot\system32\Sysprep\unattend.xml ) {
  rm $Env:SystemRoot\system32\Sysprep\unattend.xml -Force
}
& $Env:SystemRoot\System32\Sysprep\Sysprep.exe /oobe /generalize /quiet /quit /mode:vm
while($true) {
  $imageState = Get-ItemProperty HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Setup\State | Select ImageState
  if($imageState.ImageState -ne 'IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE') {
    Write-Output $imageState.ImageState; Start-Sleep -s 5
  } else { break }
}
"""
AGENTS = """
while ((Get-Service RdAgent).Status -ne 'Running') { Start-Sleep -s 5 }
while ((Get-Service WindowsAzureGuestAgent).Status -ne 'Running') { Start-Sleep -s 5 }
'agents run'
"""


def customizers() -> Iterator[dict[str, Any]]:
    """Every customizer of every template."""
    stack: list[Any] = [json.loads(path.read_text("utf-8")) for path in TEMPLATES.rglob("*.json")]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            yield value
            stack += value.values()
        elif isinstance(value, list):
            stack += value


def test_no_script_is_left_out() -> None:
    """The tables have every PowerShell script and every restart command that stands in a template."""
    found = list(customizers())
    inline = {"\n".join(each["inline"]) for each in found if each.get("type") == "PowerShell" and "inline" in each}
    asked = {each.get(key) for each in found for key in ("restartCommand", "restartCheckCommand")} - {None}

    assert inline == set(INLINE)
    assert asked == set(COMMANDS)


@pytest.mark.parametrize(("script", "part"), INLINE.items())
async def test_an_inline_script(script: str, part: str) -> None:
    """It is played to its end and without an error, or refused for that part with nothing changed."""
    with guest() as made:
        before = made.state()
        if not part:
            assert (await made.powershell(script))[1:] == ("", 0)
            assert made.state() != before
            return
        with pytest.raises(NotUnderstoodError, match=part):
            await made.powershell(script)
        assert made.state() == before


@pytest.mark.parametrize("line", COMMANDS)
async def test_a_restart_command(line: str) -> None:
    """It is played."""
    with guest() as made:
        made.computer.drive.make_folder("c:\\buildArtifacts")
        _, stderr, code = await made.cmd(line)
        made.computer.restarts.close()

    assert (stderr, code) == ("", 0)


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        # The service's own last step, by default and as its troubleshooting page has it
        (DEFAULT, "IMAGE_STATE_GENERALIZE_RESEAL_TO_OOBE\r\n"),
        (DOCUMENTED, ""),
        (AGENTS, "agents run\r\n"),
        # What customizers commonly are
        ("[Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12; 'tls'", "tls\r\n"),
        ("Install-WindowsFeature -Name Web-Server -IncludeManagementTools | Out-Null; 'iis'", "iis\r\n"),
        ("New-Item -Path 'C:\\temp' -Type directory -Force | Out-Null; Test-Path C:\\temp", "True\r\n"),
        ("$path = 'C:\\Windows'; Test-Path $path\\System32, $path\\nope", "True\r\nFalse\r\n"),
    ],
)  # fmt: skip
async def test_common_customizers(script: str, stdout: str) -> None:
    """What the documentation and templates commonly do to a machine without a network is played."""
    with guest() as made:
        assert await made.powershell(script) == (stdout, "", 0)


@pytest.mark.parametrize(
    ("script", "part"),
    [
        ("New-Item C:\\x -ItemType Directory; Invoke-WebRequest https://example.com/x.msi -OutFile C:\\x\\x.msi", "Invoke-WebRequest"),  # noqa: E501
        ("mkdir C:\\x; Start-Process msiexec.exe -ArgumentList '/i C:\\x.msi /qn' -Wait", "msiexec.exe"),
        ("mkdir C:\\x; Expand-Archive C:\\x.zip C:\\x", "Expand-Archive"),
        ("mkdir C:\\x; Set-ExecutionPolicy Bypass -Scope Process -Force; iex ((New-Object System.Net.WebClient).DownloadString('https://x'))", "DownloadString|New-Object|iex"),  # noqa: E501
        ("mkdir C:\\x; choco install git -y", "choco"),
        ("mkdir C:\\x; Install-PackageProvider -Name NuGet -Force", "Install-PackageProvider"),
        ("mkdir C:\\x; Install-Module Az -Force", "Install-Module"),
        ("mkdir C:\\x; Get-AppxPackage | Remove-AppxPackage", "Get-AppxPackage"),
        ("mkdir C:\\x; reg add HKLM\\Software\\X /v a /d 1 /f", "reg"),
        ("mkdir C:\\x; Add-Type -AssemblyName System.IO.Compression", "Add-Type"),
        ("class Tool { [string] $Name }; mkdir C:\\x", "class"),
    ],
)  # fmt: skip
async def test_what_needs_more_is_refused_before_it_begins(script: str, part: str) -> None:
    """Downloads, installers, packages and .NET of one's own are not played, and nothing before them runs."""
    with guest() as made:
        before = made.state()
        with pytest.raises(NotUnderstoodError, match=part):
            await made.powershell(script)

        assert made.state() == before
