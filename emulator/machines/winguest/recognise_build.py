"""The script by which `aib-emulator build` searches for Windows updates: this machine has none to offer."""

from emulator.machines.winguest.recognisers import Given, Recognised, flattened, template

# emulator/build/provision_windows.py, UPDATE.
_UPDATE = template(
    """
    $filters = @(<<filters>>)
    $session = New-Object -ComObject 'Microsoft.Update.Session'
    $searcher = $session.CreateUpdateSearcher()
    Write-Output 'Searching for Windows updates...'
    $found = $searcher.Search('<<search>>').Updates
    $wanted = New-Object -ComObject 'Microsoft.Update.UpdateColl'
    <<choosing>>
    if ($wanted.Count -eq 0) {
    Write-Output 'No Windows updates found'
    exit 0
    }
    <<installing>>
    if ($installer.Install().RebootRequired) { exit 101 }
    exit 0
    """
)


def find(script: str) -> Recognised | None:
    """The script that this is, or None."""
    return Recognised("the search for updates", _none) if _UPDATE.fullmatch(flattened(script)) else None


async def _none(given: Given) -> int:
    given.emit("Searching for Windows updates...")
    given.emit("No Windows updates found")
    return 0
