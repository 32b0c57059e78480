"""A fault: an effect, at which hop, on which connections, from which moment of a connection's life, and how long."""

import hashlib
from dataclasses import dataclass
from typing import Literal

from emulator.rules.faults.kinds import Effect
from emulator.rules.faults.phases import Phase

Way = Literal["from-client", "to-client"]
Direction = Literal["from-client", "to-client", "both"]
WAYS: tuple[Way, Way] = ("from-client", "to-client")
DIRECTIONS: tuple[Direction, ...] = (*WAYS, "both")


@dataclass(frozen=True, slots=True)
class Moment:
    """From when on a fault acts on a connection: the first of what is set; at once when nothing is.

    Attributes:
        phase: when the connection comes to it; see `phases`.
        size: once so many bytes have come on one of its directions.
        seconds: so many emulated seconds after it began, or after the fault was added to an open one.
        pattern: when these bytes come; they are the first that it acts on.
    """

    phase: Phase | None = None
    size: int | None = None
    seconds: float | None = None
    pattern: bytes | None = None

    def __str__(self) -> str:
        if self.phase is not None:
            return self.phase
        if self.size is not None:
            return f"bytes:{self.size}"
        if self.seconds is not None:
            return f"seconds:{self.seconds:g}"
        return f"pattern:{_written(self.pattern)}" if self.pattern is not None else "connect"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Attributes:
        name: unique among the running ones.
        effect: what it does.
        hop: at which hop.
        direction: on which bytes.
        moment: from when on in a connection's life.
        share: of connections, drawn for each from the seed; 1 is all.
        nth: only the connection of this number, counted from when the fault was added, at each of the hop's listeners
            for itself (a proxy has one for Linux and one for Windows); 0 is any.
        lasts: emulated seconds it acts on a connection, or at a listener; 0 is until it is removed.
        seed: the draws hang on it, on the name and on the connection's number alone.
    """

    name: str
    effect: Effect
    hop: str
    direction: Direction = "both"
    moment: Moment = Moment()
    share: float = 1.0
    nth: int = 0
    lasts: float = 0.0
    seed: int = 0

    @property
    def ways(self) -> tuple[Way, ...]:
        """The directions it acts on."""
        return tuple(way for way in WAYS if self.direction in (way, "both"))

    def touches(self, number: int) -> bool:
        """Whether it is for a hop's connection of this number, counted from when the fault was added."""
        if self.nth:
            return number == self.nth
        return self.share >= 1 or draw(self.seed, self.name, number) < self.share


def _written(pattern: bytes) -> str:
    return pattern.decode("latin-1").encode("unicode_escape").decode("ascii")


def draw(*parts: object) -> float:
    """A number in [0, 1) that hangs on its arguments alone: the same seed gives the same faults."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big") / 2**56
