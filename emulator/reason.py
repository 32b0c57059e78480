"""Verdicts and their reasons: the words that logs, metrics, the API and failed tests share."""

import enum
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a verdict fell: a security rule, a route, a state, a probe, a timer, a fault, or the peer's own doing.

    Attributes:
        kind: one of the words above.
        id: the Azure resource ID it belongs to, or an empty string.
        name: what Azure calls it: a rule's name, a state, a timer.
    """

    kind: Literal["rule", "route", "state", "probe", "timer", "fault", "peer"]
    id: str
    name: str


class Outcome(enum.Enum):
    """What becomes of a flow's first packet on a leg."""

    CARRIED = "carried"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one leg does to a flow, why, and the same as a sentence.

    Attributes:
        direction: which way the packet went at the interface whose rule decided; empty for what is no rule's.
    """

    outcome: Outcome
    reason: Reason
    sentence: str
    direction: Literal["", "Inbound", "Outbound"] = field(default="", compare=False)

    @property
    def carried(self) -> bool:
        """Whether the flow goes on to the next leg."""
        return self.outcome is Outcome.CARRIED

    def __str__(self) -> str:
        return self.sentence
