"""How a listener answers a SYN from each source: values that a socket filter can be compiled from.

Addresses here are transport addresses (what the kernel sees), since that is what a filter compares.
"""

import enum
from dataclasses import dataclass

from emulator.rules.distribution import mix, score


class Answer(enum.Enum):
    """What a SYN meets."""

    OPEN = "open"
    DROP = "drop"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Spread:
    """The answer depends on which backend the balancer's hash of the source port picks.

    Attributes:
        prefix: `distribution.prefix` of the flow.
        by_port: whether the mode hashes the source port (`Default` does).
        backends: pairs of `distribution.backend_hash` and the answer behind that backend; in pool order.
    """

    prefix: int
    by_port: bool
    backends: tuple[tuple[int, Answer], ...]

    def answer(self, source_port: int) -> Answer:
        """The answer for one source port."""
        value = mix(self.prefix ^ source_port) if self.by_port else self.prefix
        return max(self.backends, key=lambda backend: score(value, backend[0]))[1]


@dataclass(frozen=True, slots=True)
class SourceClass:
    """Sources that get one answer.

    Attributes:
        address: an IPv4 address as a dotted string, or None for every address.
        ports: first and last source port, inclusive.
        answer: what they meet.
    """

    address: str | None
    ports: tuple[int, int]
    answer: Answer | Spread

    def covers(self, address: str, port: int) -> bool:
        """Whether this class speaks for a source."""
        return self.address in (None, address) and self.ports[0] <= port <= self.ports[1]


@dataclass(frozen=True, slots=True)
class Posture:
    """A listener's answers; the first class that covers a source speaks, the last covers all."""

    classes: tuple[SourceClass, ...]

    @classmethod
    def to_all(cls, answer: Answer) -> "Posture":
        """The same answer for every source."""
        return cls((SourceClass(None, (0, 65535), answer),))

    def answer(self, address: str, port: int) -> Answer:
        """The answer a source gets."""
        for source in self.classes:
            if source.covers(address, port):
                answer = source.answer
                return answer.answer(port) if isinstance(answer, Spread) else answer
        raise AssertionError("the last class of a posture covers every source")

    def possible(self) -> frozenset[Answer]:
        """Every answer that some source may get."""
        found: set[Answer] = set()
        for source in self.classes:
            answer = source.answer
            found |= {each for _, each in answer.backends} if isinstance(answer, Spread) else {answer}
        return frozenset(found)
