"""The load generator: `load.c` compiled where a compiler is; what it measured, as a value."""

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SOURCE = Path(__file__).with_name("load.c")
Mode = Literal["up", "down", "ping", "rate"]


class NoCompilerError(Exception):
    """There is no C compiler: Python could not put enough load on anything here."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run came to.

    Attributes:
        seconds: of it.
        moved: bytes that the client sent or received.
        turns: messages that came back, or connections that were served.
        failures: connections that ended otherwise.
        cpu: seconds of processor time that the client itself took.
        p50: microseconds; so are the others.
    """

    seconds: float
    moved: int
    turns: int
    failures: int
    cpu: float
    p50: float
    p90: float
    p99: float
    p999: float

    @property
    def gigabits(self) -> float:
        """Gigabits a second."""
        return self.moved * 8 / self.seconds / 1e9

    @property
    def per_second(self) -> float:
        """Turns a second."""
        return self.turns / self.seconds


@dataclass(frozen=True, slots=True)
class Generator:
    """A compiled generator."""

    program: Path

    @contextlib.contextmanager
    def serving(self) -> Iterator[int]:
        """A server of every mode; yields its port on 127.0.0.1."""
        with subprocess.Popen((self.program, "serve"), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            if server.stdin is None or server.stdout is None:
                raise AssertionError("its pipes were asked for")
            try:
                yield int(server.stdout.readline())
            finally:
                server.stdin.close()

    def run(self, mode: Mode, port: int, connections: int, seconds: float) -> Load:
        """Put load on a port of 127.0.0.1."""
        words = (self.program, mode, "127.0.0.1", str(port), str(connections), str(seconds))
        done = subprocess.run(words, check=True, capture_output=True, stdin=subprocess.DEVNULL)
        found = json.loads(done.stdout)
        return Load(moved=found.pop("bytes"), **found)

    @contextlib.contextmanager
    def holding(self, port: int, connections: int) -> Iterator[None]:
        """So many connections that were greeted and are silent."""
        words = (self.program, "idle", "127.0.0.1", str(port), str(connections), "1")
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
            if client.stdin is None or client.stdout is None:
                raise AssertionError("its pipes were asked for")
            try:
                client.stdout.readline()
                yield
            finally:
                client.stdin.close()


@contextlib.contextmanager
def generator(folder: Path) -> Iterator[Generator]:
    """The generator, compiled into a folder.

    Raises:
        NoCompilerError: there is no C compiler, or it refused.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise NoCompilerError("no C compiler was found (on Debian: apt install gcc libc6-dev)")
    program = folder / "load"
    done = subprocess.run((compiler, "-O2", "-o", program, SOURCE), check=False, capture_output=True, text=True)
    if done.returncode:
        raise NoCompilerError(f"{compiler} refused {SOURCE.name}: {done.stderr.strip().splitlines()[-1]}")
    yield Generator(program)
