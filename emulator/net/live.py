"""The open flows of a hop: judged anew whenever the world changes, and ended as their fate has it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from emulator.clock import Clock
from emulator.net import records
from emulator.net.faults import FaultyFlow, ListenerFaults
from emulator.net.records import Passage
from emulator.net.relay import SIDES, Relay
from emulator.net.watched import Side
from emulator.observe import Record
from emulator.rules.faults.connection import Numbered
from emulator.rules.live import Fate


@dataclass(slots=True, eq=False)
class LiveFlow:
    """A relay, and what became of it.

    Attributes:
        judge: what its fate is, asked after each change.
        dark: which ends are left in the dark when its fate is `drop`.
        number: of the connection at its listener, from 1.
        fate: why it was ended, if it was.
        faults: what acts on its bytes, if anything does or did.
        apart: gives this hop a relay of its own, where one relay carries for another hop as well.
    """

    relay: Relay
    judge: Callable[[], Fate | None]
    dark: Sequence[Side] = SIDES
    number: int = 0
    fate: Fate | None = None
    faults: FaultyFlow | None = None
    apart: Callable[[], None] | None = None

    def part(self) -> None:
        """Have a relay of its own: something concerns this hop alone."""
        if self.apart is not None:
            self.apart()

    def end(self, fate: Fate) -> None:
        """End it so, unless it ended already."""
        self.part()
        if not self.relay.is_over:
            self.fate = fate
            self.relay.cut(fate.how, dark=self.dark)

    def fail(self, fate: Fate, resets: Sequence[Side]) -> None:
        """End it as a fault has it: nobody at either end knows better."""
        if not self.relay.is_over:
            self.fate = fate
            self.relay.cut(fate.how, resets=resets)

    def blame(self, fate: Fate) -> None:
        """A fault has ended one way of it; who ends the other has only heard of that."""
        self.fate = self.fate or fate

    def impose(self, faults: Sequence[Numbered], clock: Clock, *, fresh: bool) -> None:
        """Have exactly these faults act on it; `fresh`: it has not begun to carry bytes."""
        if self.faults is None and faults:
            self.part()
            self.faults = FaultyFlow(self.relay, clock, self.fail, self.blame, fresh=fresh)
        if self.faults is not None:
            self.faults.set(faults)

    def noted(self, record: Record, which: Passage) -> Record:
        """The flow's record, with the faults that touched it."""
        if self.faults is None:
            return record
        return records.faulty(
            record, which, self.faults.clock, self.faults.on.touched, approximates=self.faults.on.approximates
        )


class LiveFlows:
    """Those that are open at one listener."""

    def __init__(self, faults: ListenerFaults, clock: Clock) -> None:
        self._faults = faults
        self._clock = clock
        self._open: dict[LiveFlow, asyncio.TimerHandle | None] = {}

    def held(self, flow: LiveFlow) -> "_Held":
        """A context in which a flow is open, under the faults that are for it."""
        if self._faults.all:
            flow.impose(self._faults.on_connection(flow.number), self._clock, fresh=True)
        return _Held(self, flow)

    def kept(self, flow: LiveFlow) -> "_Held":
        """A context in which a flow is open that was before."""
        return _Held(self, flow)

    def add(self, flow: LiveFlow) -> None:
        """A flow is open."""
        self._open.setdefault(flow, None)

    def remove(self, flow: LiveFlow) -> None:
        """A flow is over. Idempotent."""
        waiting = self._open.pop(flow, None)
        if waiting is not None:
            waiting.cancel()

    def impose(self) -> None:
        """Bring the listener's faults, which may be others now, to all of them."""
        for flow in tuple(self._open):
            if not flow.relay.is_over:
                flow.impose(self._faults.on_connection(flow.number), self._clock, fresh=False)

    def relays(self) -> Sequence[Relay]:
        """The relays of all of them, each of this hop alone."""
        for flow in tuple(self._open):
            flow.part()
        return [flow.relay for flow in self._open]

    def judge(self) -> None:
        """Ask for the fate of each, and end those that have one: at once, or when its time has come.

        A flow whose fate is put off is spared if it has none any more.
        """
        for flow, waiting in tuple(self._open.items()):
            fate = flow.judge()
            if fate is None or fate.after == 0:
                self._open[flow] = None
                if waiting is not None:
                    waiting.cancel()
            if fate is not None and fate.after == 0:
                flow.end(fate)
            elif fate is not None and waiting is None:
                self._open[flow] = flow.relay.loop.call_later(self._clock.real(fate.after), flow.end, fate)


class _Held:
    """There is one for each connection: a class with slots takes a third of a generator's memory."""

    __slots__ = ("_flow", "_flows")

    def __init__(self, flows: LiveFlows, flow: LiveFlow) -> None:
        self._flows = flows
        self._flow = flow

    def __enter__(self) -> None:
        self._flows.add(self._flow)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flows.remove(self._flow)
        if self._flow.faults is not None:
            self._flow.faults.close()
