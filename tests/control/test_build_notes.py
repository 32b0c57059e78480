"""Notes of builds under way."""

import os
from dataclasses import replace
from pathlib import Path

from emulator.control import build_notes
from emulator.control.build_notes import Note, folder_of, orphans

NOTE = Note("guid", "tpl", "IT_x", "http://127.0.0.1:1", "/log")


def test_a_build_of_a_process_that_lives_is_no_orphan(tmp_path: Path) -> None:
    """While its process lives a build is nobody else's affair; removed, its note is gone."""
    build_notes.write(tmp_path, NOTE)
    assert list(orphans(tmp_path)) == []
    assert (folder_of(tmp_path) / "guid.json").exists()
    build_notes.remove(tmp_path, "guid")
    build_notes.remove(tmp_path, "guid")

    assert not (folder_of(tmp_path) / "guid.json").exists()


def test_the_folder_goes_with_its_last_note(tmp_path: Path) -> None:
    """A build that left no log leaves no empty folder either; a log keeps it."""
    build_notes.write(tmp_path, NOTE)
    build_notes.remove(tmp_path, "guid")
    without = folder_of(tmp_path).exists()
    build_notes.write(tmp_path, NOTE)
    (folder_of(tmp_path) / "IT_x").mkdir()
    build_notes.remove(tmp_path, "guid")

    assert not without
    assert [each.name for each in folder_of(tmp_path).iterdir()] == ["IT_x"]


def test_a_process_that_is_gone_leaves_an_orphan(tmp_path: Path) -> None:
    """A number that no process has, or another one since, is a build that was killed."""
    build_notes.write(tmp_path, NOTE)
    file = folder_of(tmp_path) / "guid.json"
    file.write_text(file.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194999'))
    (found,) = orphans(tmp_path)

    assert replace(found, pid=0, born="") == NOTE


def test_a_note_that_says_nothing_is_removed(tmp_path: Path) -> None:
    """A file that is no note is no build."""
    folder_of(tmp_path).mkdir()
    (folder_of(tmp_path) / "x.json").write_text("{")

    assert list(orphans(tmp_path)) == []
    assert list(folder_of(tmp_path).iterdir()) == []
