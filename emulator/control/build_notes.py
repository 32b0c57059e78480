"""Notes of builds under way in the state folder: one that was killed is named and cleared by the next command."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from emulator.control.state import alive, born, write_private

FOLDER = "builds"


@dataclass(frozen=True, slots=True)
class Note:
    """A build under way.

    Attributes:
        pid, born: the process that drives it.
        control: the URL of the emulator it runs over; empty where that is the same process.
        log: its log, which stays.
    """

    guid: str
    template: str
    group: str
    control: str
    log: str
    pid: int = 0
    born: str = ""


def folder_of(home: Path) -> Path:
    """Where notes and logs of builds are."""
    return home / FOLDER


def write(home: Path, note: Note) -> None:
    """Note that this process drives a build."""
    folder = folder_of(home)
    own = {**asdict(note), "pid": os.getpid(), "born": born(os.getpid())}
    while True:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another build ended just now, and took the folder with it
            write_private(folder / f"{note.guid}.json", json.dumps(own))
            return


def remove(home: Path, guid: str) -> None:
    """It has ended, and nothing is left of it; the folder stays where a log is in it."""
    (folder_of(home) / f"{guid}.json").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder_of(home).rmdir()


def orphans(home: Path) -> Iterator[Note]:
    """The builds whose process is gone; an unreadable note is one of nothing, and is removed."""
    for file in sorted(folder_of(home).glob("*.json")):
        try:
            note = Note(**json.loads(file.read_text("utf-8")))
            lives = alive(note.pid) and note.born in ("", born(note.pid))
        except (OSError, ValueError, TypeError):
            file.unlink(missing_ok=True)
            continue
        if not lives:
            yield note
