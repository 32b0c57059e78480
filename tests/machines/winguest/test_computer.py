"""What a machine has besides files."""

import pytest

from tests.windows_guest import guest


def test_keys_have_no_case() -> None:
    """A key is found by any spelling; it is made with those above it, and removed with those below it."""
    with guest() as made:
        computer = made.computer
        computer.make_key("HKCU:\\A\\B")

        assert computer.key("hkcu:\\a\\b\\") is computer.make_key("HKCU:\\A\\B")
        assert computer.key("HKCU:\\A") is not None
        computer.remove_key("HKCU:\\A")
        assert computer.key("HKCU:\\A\\B") is None


def test_the_environment() -> None:
    """A process starts with the machine's variables, those that were set for the machine last."""
    with guest() as made:
        made.computer.machine_variables["TEMP"] = "C:\\T"

        assert made.computer.environment["TEMP"] == "C:\\T"
        assert made.computer.environment["COMPUTERNAME"] == "BUILD-WINDOWS"


def test_processes_are_there_while_they_run() -> None:
    """The table has a program while it runs, under a number of its own, whatever ends it."""
    with guest() as made:
        processes = made.computer.processes
        before = dict(processes.table)
        with processes.running("a.exe") as one, processes.running("b.exe", one) as other:
            assert (processes.table[other].name, processes.table[other].parent) == ("b.exe", one)
        with pytest.raises(KeyError), processes.running("c.exe"):
            raise KeyError
        assert processes.table == before
