"""The faults that a build VM plays itself; told while it runs, and asked for wherever they have a say."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from emulator.errors import InvalidInputError
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.guest_kinds import GUESTS
from emulator.rules.faults.kinds import Effect
from emulator.rules.faults.reading import fault_from, values_of

One = TypeVar("One", bound=Effect)


@dataclass(slots=True)
class MachineFaults:
    """Those of one machine.

    Attributes:
        running: those there are now.
        time_scale: emulated seconds in a real one.
        changed: called after each change.
        news: set, and replaced, at each change.
    """

    running: tuple[Fault, ...] = ()
    time_scale: float = 1.0
    changed: list[Callable[[], None]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def find(self, kind: type[One]) -> One | None:
        """The first of a kind."""
        return next((each.effect for each in self.running if isinstance(each.effect, kind)), None)

    def real(self, seconds: float) -> float:
        """How many real seconds so many emulated ones take."""
        return seconds / self.time_scale

    def tell(self, line: str) -> None:
        """Have exactly the faults of a line that `line_of` wrote.

        Raises:
            InvalidInputError: it is none.
        """
        try:
            told = json.loads(line)
            given, hops = told["faults"], [str(told["name"])]
            self.time_scale = float(told["time_scale"])
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidInputError(f"faults of a machine: {error!r}") from None
        self.running = tuple(fault_from(each, hops, default_name="", seed=0, guests=hops) for each in given)
        for each in self.changed:
            each()
        self.news.set()
        self.news = asyncio.Event()


def line_of(name: str, faults: Sequence[Fault], time_scale: float) -> str:
    """A machine's own faults, of all that there are, as one line."""
    own = [values_of(each) for each in faults if each.hop == name and each.effect.where in GUESTS]
    return json.dumps({"name": name, "faults": own, "time_scale": time_scale})
