"""An emulator of its own process for a measurement, and nothing left of it afterwards."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

COMMAND = (sys.executable, "-m", "emulator")


def environment(home: str) -> dict[str, str]:
    """The environment of a command that runs from a state folder, on free ports, compiled once as users have it."""
    return {**_compiled(), "AIB_EMULATOR_HOME": home, "AIB_EMULATOR_LISTEN": "auto"}


def _compiled() -> dict[str, str]:
    """Without the switch that build machines set: with it, every start compiles every module again."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextlib.contextmanager
def state_folder() -> Iterator[str]:
    """A state folder in which the emulator has run once, so that its keys exist."""
    with tempfile.TemporaryDirectory(prefix="aib-bench-") as home:
        with emulator(home):
            pass
        yield home


@contextlib.contextmanager
def emulator(home: str, *options: str) -> Iterator[dict[str, Any]]:
    """A running emulator, started with more options; yields what `status --json` says."""
    env = environment(home)
    up = subprocess.run((*COMMAND, "up", "--detach", "--json", *options), env=env, check=True, capture_output=True)
    try:
        yield dict(json.loads(up.stdout))
    finally:
        subprocess.run((*COMMAND, "down"), env=env, check=True, capture_output=True)
