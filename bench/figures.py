"""A figure: several rounds of one measurement, and whether its median meets the bar."""

import statistics
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured.

    Attributes:
        name: says it whole.
        unit: of its rounds.
        rounds: one value each.
        bar: the most that the median may be, the least where `higher`; None where it is for information.
        higher: whether more is better.
        group, label: the group of bars that it is drawn in, and its own name there; empty where it is not drawn.
    """

    name: str
    unit: str
    rounds: tuple[float, ...]
    bar: float | None = None
    higher: bool = False
    group: str = ""
    label: str = ""

    @property
    def median(self) -> float:
        """The middle round."""
        return statistics.median(self.rounds)

    @property
    def misses(self) -> bool:
        """Whether the median is on the wrong side of its bar."""
        if self.bar is None:
            return False
        return self.median < self.bar if self.higher else self.median >= self.bar

    def __str__(self) -> str:
        spread = f"{min(self.rounds):.3g} to {max(self.rounds):.3g} in {len(self.rounds)} rounds"
        shown = f"{self.name}: {self.median:.3g} {self.unit} ({spread})"
        if self.bar is None:
            return shown
        return f"{shown}; {'MISSES' if self.misses else 'meets'} the bar of {self.bar:g} {self.unit}"
