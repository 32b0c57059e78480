"""The state folder: who is running, the token, keys and certificates; readable by its owner only."""

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.errors import InvalidInputError, UnavailableError

RUNNING = "running.json"
TOKEN_BYTES = 24


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """`AIB_EMULATOR_HOME`, or `aib-emulator` below the XDG state folder."""
    given = environ.get("AIB_EMULATOR_HOME")
    if given:
        return Path(given)
    state = environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "aib-emulator"


def make(folder: Path) -> Path:
    """Make the folder, private, and return it.

    Raises:
        InvalidInputError: it cannot be made, or belongs to somebody else.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat().st_uid
        if owner == os.geteuid():
            folder.chmod(0o700)
    except OSError as error:
        raise InvalidInputError(f"state folder {folder}: {error.strerror}; AIB_EMULATOR_HOME names another") from None
    if owner != os.geteuid():
        raise InvalidInputError(f"state folder {folder} belongs to user {owner}; AIB_EMULATOR_HOME names another")
    return folder


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    temporary.replace(file)


def secret(file: Path, given: str | None = None) -> str:
    """A secret kept in a file, made at first use; `given` takes its place and is not kept."""
    if given:
        return given
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        made = secrets.token_urlsafe(TOKEN_BYTES)
        write_private(file, made + "\n")
        return made


def alive(pid: int) -> bool:
    """Whether a process of this number exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


def running(folder: Path) -> dict[str, Any] | None:
    """What the emulator that runs from this folder wrote, or None; a dead one's note is removed."""
    file = folder / RUNNING
    try:
        found = json.loads(file.read_text())
        pid = int(found["pid"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        file.unlink(missing_ok=True)
        return None
    if alive(pid):
        return dict(found)
    file.unlink(missing_ok=True)
    return None


def claim(folder: Path, note: Mapping[str, Any]) -> None:
    """Note that this process runs from the folder.

    Raises:
        UnavailableError: another one does.
    """
    other = running(folder)
    if other is not None and other["pid"] != os.getpid():
        raise UnavailableError(
            f"an emulator is already running from {folder} (process {other['pid']}, control {other.get('control')}); "
            "`aib-emulator down` ends it, AIB_EMULATOR_HOME starts another beside it"
        )
    write_private(folder / RUNNING, json.dumps({"pid": os.getpid(), **note}))


def release(folder: Path) -> None:
    """Remove our own note."""
    other = running(folder)
    if other is not None and other["pid"] == os.getpid():
        (folder / RUNNING).unlink(missing_ok=True)
