"""Health from a run of probe answers."""

from dataclasses import dataclass, replace

from emulator.model.balancer import Probe

HTTP_PATIENCE = 30.0
"""Seconds; the older page has 31 (azure.md 3.4)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe came to.

    Attributes:
        failure: why it is not one of success; empty for a success.
        explicit: whether the backend said so itself, by a status of HTTP.
    """

    failure: str = ""
    explicit: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """What the balancer believes of one backend, and how many answers in a row disagree.

    A backend starts unknown: not up, and its first successful probe marks it up, whatever the threshold
    (azure.md 3.4: "first successful probe after VM boot marks up"). After that, a threshold of answers in a row
    changes the verdict either way; a status of HTTP does so at once, "threshold only for timeouts".
    """

    up: bool = False
    known: bool = False
    against: int = 0

    def observe(self, answer: Answer, probe: Probe) -> "Health":
        """The health after one more answer."""
        answered = not answer.failure
        if answered and not self.known:
            return Health(up=True, known=True)
        if answered == self.up:
            return replace(self, against=0)
        needed = 1 if answer.explicit else probe.successes if answered else probe.failures
        if self.against + 1 >= needed:
            return Health(up=answered, known=True)
        return replace(self, against=self.against + 1)


def patience(probe: Probe) -> float:
    """Seconds for an answer: a Tcp probe fails when the next one goes out (azure.md 3.4)."""
    return float(probe.interval) if probe.protocol == "Tcp" else HTTP_PATIENCE
