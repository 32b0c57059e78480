"""Run an emulator in the background: leave the terminal, tell the command when it is ready, end it later."""

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.control import state
from emulator.errors import EmulatorError, InvalidInputError, NotLoadedError, UnavailableError

if TYPE_CHECKING:
    from emulator.app.channel import Channel
    from emulator.app.config import Config

LOG = "emulator.log"
SHOWN_LINES = 3
"""How much of the log is repeated when a start ended without a word."""


def detached(config: "Config", home: Path) -> dict[str, Any]:
    """Start an emulator that outlives this process; its status once it is ready.

    Raises:
        EmulatorError: it did not start; what it would have said in the foreground.
    """
    from emulator.app import service  # noqa: F401 - so that it is loaded once, before the fork

    log = _open_log(home)
    reading, writing = os.pipe()
    with contextlib.closing(_Report(writing)) as report:
        child = os.fork()
        if child == 0:
            os.close(reading)
            _become_daemon(config, home, log, report)
    os.close(log)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as stream:
        return _understood(stream.read(), home)


class _Report:
    """The one message from the daemon to the command that started it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def send(self, **values: Any) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(BrokenPipeError):  # the command was interrupted
                os.write(self._descriptor, json.dumps(values).encode())
            self.close()

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _open_log(home: Path) -> int:
    try:
        return os.open(home / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise InvalidInputError(f"{home / LOG}: cannot be written: {error.strerror}") from None


def _become_daemon(config: "Config", home: Path, log: int, report: _Report) -> None:
    """In the first child: leave session and terminal, and run in a second child that no session adopts."""
    os.setsid()
    if os.fork():
        os._exit(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)
    os._exit(_serve(config, home, report))


def _serve(config: "Config", home: Path, report: _Report) -> int:
    from emulator.app.service import serve_channel
    from emulator.cli.loop import run

    def ready(channel: "Channel") -> None:
        report.send(status=channel.status.as_json())

    try:
        run(serve_channel(config, home, None, ready))
    except EmulatorError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        report.send(error=str(error), kind=type(error).__name__)
        return 1
    return 0


def _understood(message: bytes, home: Path) -> dict[str, Any]:
    if not message:
        raise UnavailableError(
            f"the emulator ended before it was ready; {home / LOG} says: {_last_lines(home / LOG)}"
        )
    values = json.loads(message)
    if "status" in values:
        return dict(values["status"])
    kinds = {each.__name__: each for each in (InvalidInputError, NotLoadedError, UnavailableError)}
    raise kinds.get(values["kind"], EmulatorError)(values["error"])


def _last_lines(file: Path) -> str:
    return " / ".join(file.read_text(errors="replace").splitlines()[-SHOWN_LINES:])


def end(home: Path, seconds: float) -> int | None:
    """End the emulator that runs from a folder; its process, or None where none runs.

    Raises:
        UnavailableError: it may not be ended, or is not gone after `seconds`.
    """
    note = state.running(home)
    if note is None or not _is_emulator(int(note["pid"])):
        return None
    pid = int(note["pid"])
    try:
        with _watched(pid) as gone:
            os.kill(pid, signal.SIGTERM)
            ended = gone(seconds)
    except ProcessLookupError:
        return pid
    except PermissionError:
        raise UnavailableError(f"process {pid} belongs to another user, who must end it") from None
    if not ended:
        raise UnavailableError(f"process {pid} is not gone after {seconds:g} s; {home / LOG} may say why")
    return pid


def _is_emulator(pid: int) -> bool:
    """Whether a process can be an emulator: after a crash its number may have been given to a stranger."""
    try:
        return b"emulator" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[Callable[[float], bool]]:
    """Watch a process; yields a function that waits so many seconds and says whether it is gone.

    Raises:
        ProcessLookupError: it is gone already.
    """
    if not hasattr(os, "pidfd_open"):
        yield lambda seconds: _gone_by_looking(pid, seconds)
        return
    descriptor = os.pidfd_open(pid)
    try:
        yield lambda seconds: bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def _gone_by_looking(pid: int, seconds: float) -> bool:
    """Where a process cannot be waited for, look again and again."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while state.alive(pid):
        if time.monotonic() > deadline:
            return False
        pause.wait(0.05)
    return True
