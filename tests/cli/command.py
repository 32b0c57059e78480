"""The installed command, run for real in a process of its own, with a state folder of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 40.0


@dataclass(frozen=True, slots=True)
class Cli:
    """Runs `python -m emulator` with free ports and `home` as its state folder."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("AIB_EMULATOR_")}
        here = {"AIB_EMULATOR_HOME": str(self.home), "AIB_EMULATOR_LISTEN": "auto", "COLUMNS": "100"}
        return {**ours, **here}

    def __call__(
        self, *arguments: str, stdin: str = "", without: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "emulator", *arguments],
            env={name: value for name, value in self.environment.items() if name not in without},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextlib.contextmanager
    def started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """The command, running, in a session of its own; ended at the latest with the body."""
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_heeds_interrupts,  # noqa: PLW1509 - it takes no lock
        )
        with process:
            try:
                yield process
            finally:
                process.terminate()

    def json(self, *arguments: str) -> Any:
        """What the command printed on standard output, which must be JSON, with exit code 0."""
        done = self(*arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def note(self) -> dict[str, Any] | None:
        """What the running emulator wrote into the state folder."""
        file = self.home / "running.json"
        return dict(json.loads(file.read_text())) if file.exists() else None


def first_line(process: subprocess.Popen[str]) -> str:
    """The next line of its standard output; a process that ended instead fails the test with its complaint."""
    assert process.stdout
    assert process.stderr
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return line


def _heeds_interrupts() -> None:
    """A shell that runs the tests in its background has SIGINT ignored, and so would whatever they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
