"""The state folder: who is running, the token, keys and certificates; readable by its owner only."""

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.errors import InvalidInputError, UnavailableError

RUNNING = "running.json"
TOKEN_BYTES = 24


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """`AIB_EMULATOR_HOME`, or `aib-emulator` below the XDG state folder; absolute.

    Raises:
        InvalidInputError: neither is set and the user has no home folder.
    """
    given = environ.get("AIB_EMULATOR_HOME")
    if given:
        return Path(given).absolute()
    state = Path(environ.get("XDG_STATE_HOME", ""))
    # The XDG specification has relative paths ignored.
    return (state if state.is_absolute() else _own_home() / ".local" / "state") / "aib-emulator"


def _own_home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise InvalidInputError("this user has no home folder; AIB_EMULATOR_HOME names a state folder") from None


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
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
    temporary.replace(file)


def secret(file: Path, given: str | None = None) -> str:
    """A secret kept in a file, made at first use; `given` takes its place and is not kept."""
    if given:
        return given
    kept = read_kept(file)
    if kept:
        return kept
    made = secrets.token_urlsafe(TOKEN_BYTES)
    write_private(file, made + "\n")
    return made


def read_kept(file: Path) -> str:
    """The text of a file of the state folder, or an empty string where there is none.

    Raises:
        InvalidInputError: it is there, but cannot be read.
    """
    try:
        return file.read_text("utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file}: cannot be read: {error}; remove it, and it is made anew") from None


def alive(pid: int) -> bool:
    """Whether a process of this number exists and is not a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    fields = _stat(pid)
    return not fields or fields[0] != "Z"


def born(pid: int) -> str:
    """When a process of this boot started, in the kernel's ticks, or an empty string where that cannot be known.

    A process number comes again, after a while or in the next container; together with this it does not.
    """
    fields = _stat(pid)
    return fields[19] if fields else ""


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; none where the system has no such file."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def running(folder: Path) -> dict[str, Any] | None:
    """What the emulator that runs from this folder wrote, or None; a dead one's note is removed."""
    file = folder / RUNNING
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        found = None
    if _is_note(found) and alive(found["pid"]) and found.get("born", "") in ("", born(found["pid"])):
        return dict(found)
    file.unlink(missing_ok=True)
    return None


def _is_note(found: object) -> bool:
    pid = found.get("pid") if isinstance(found, dict) else None
    return type(pid) is int and 0 < pid < 2**31


def claim(folder: Path, note: Mapping[str, Any]) -> None:
    """Note that this process runs from the folder.

    Raises:
        UnavailableError: another one does.
    """
    with _alone(folder):
        other = running(folder)
        if other is not None and other["pid"] != os.getpid():
            raise UnavailableError(
                f"an emulator is already running from {folder} (process {other['pid']}, "
                f"control {other.get('control')}); `aib-emulator down` ends it, "
                "AIB_EMULATOR_HOME starts another beside it"
            )
        write_private(folder / RUNNING, json.dumps({"pid": os.getpid(), "born": born(os.getpid()), **note}))


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from looking at the note and writing it between our look and our writing."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def release(folder: Path) -> None:
    """Remove our own note."""
    other = running(folder)
    if other is not None and other["pid"] == os.getpid():
        (folder / RUNNING).unlink(missing_ok=True)
