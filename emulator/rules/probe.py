"""Health from a run of probe answers."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Health:
    """What the balancer believes of one backend, and how many answers in a row disagree.

    A backend starts unknown: not up, and its first successful probe marks it up, whatever the threshold
    (azure.md 3.4: "first successful probe after VM boot marks up"). After that, `threshold` answers in a row
    change the verdict either way.
    """

    up: bool = False
    known: bool = False
    against: int = 0

    def observe(self, *, answered: bool, threshold: int) -> "Health":
        """The health after one more answer."""
        if not self.known and answered:
            return Health(up=True, known=True)
        if answered == self.up:
            return replace(self, against=0)
        if self.against + 1 >= threshold:
            return Health(up=answered, known=True)
        return replace(self, against=self.against + 1)
