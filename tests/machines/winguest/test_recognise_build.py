"""The search for updates, by its whole text."""

from emulator.build.provision_windows import update_script
from emulator.build.steps import WindowsUpdate
from emulator.machines.winguest import recognise_build


def test_the_search_is_known_by_its_whole_text() -> None:
    """With any search, filters and limit it is known; with anything else in it, it is not."""
    for step in (WindowsUpdate("p", "n"), WindowsUpdate("p", "n", "IsInstalled=0", ("include:$true", "it's"), 20)):
        script = update_script(step).decode()
        assert recognise_build.find(script) is not None
        assert recognise_build.find(script + "\nRemove-Item C:\\x") is None
