"""What the entry says of attempts that its listener dropped."""

from dataclasses import dataclass, field
from typing import cast

from emulator.clock import Clock
from emulator.net.addresses import Loopback
from emulator.net.attempts import Attempt
from emulator.net.entry import Entry
from emulator.net.gate import Gate
from emulator.net.pipes import PipePool
from emulator.net.scene import Scene
from emulator.observe import Event, Record
from emulator.rules.condition import assumed
from emulator.rules.posture import Answer, Posture
from tests.conftest import Run
from tests.worlds import world

OPEN = world()
DENIED = world("300 deny in * -> *:60001", "400 allow in AzureLoadBalancer -> *")
NAMELESS = Attempt("", 0)


@dataclass
class FakeGate:
    """Takes a posture, and drops nothing."""

    posture: Posture = field(default_factory=lambda: Posture.to_all(Answer.OPEN))

    def set(self, posture: Posture) -> None:
        """Play it from now on."""
        self.posture = posture


def scene(events: list[Event]) -> Scene:
    """A scene whose balancer believes that every probe succeeds."""
    loopback = Loopback(exact=True)
    return Scene(OPEN, Clock(), events.append, loopback, PipePool(), b"", assumed(OPEN))


def test_a_drop_that_was_lifted_is_told_as_it_was(virtual_time: Run) -> None:
    """An attempt that is seen only after the rule that dropped it went is told with that rule, not as allowed."""

    async def body() -> None:
        events: list[Event] = []
        played = scene(events)
        entry, gate = Entry(played, "linux"), FakeGate()
        for found in (OPEN, DENIED, OPEN, OPEN):
            played.change(world=found, condition=assumed(OPEN))
            entry.follow(cast("Gate", gate))
        entry.attempt(NAMELESS)

        (record,) = events
        assert isinstance(record, Record)
        assert record.reason.name == "deny-300"
        assert "source unknown dropped at load-balancer → proxy" in record.sentence

    virtual_time(body())


def test_a_listener_that_approximates_says_so(virtual_time: Run) -> None:
    """A drop at a listener that somebody answers for is approximated; at another of the same scene it is exact."""

    async def body() -> None:
        events: list[Event] = []
        played = scene(events)
        played.change(world=DENIED)
        Entry(played, "linux", "somebody answered first").attempt(NAMELESS)
        Entry(played, "linux").attempt(NAMELESS)

        answered, exact = events
        assert isinstance(answered, Record)
        assert isinstance(exact, Record)
        assert (answered.approximated, exact.approximated) == (True, False)
        assert answered.sentence == f"{exact.sentence} (approximated: somebody answered first)"

    virtual_time(body())
