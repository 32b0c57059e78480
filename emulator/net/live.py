"""The open flows of a hop: judged anew whenever the world changes, and ended as their fate has it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from emulator.clock import Clock
from emulator.net.relay import Relay
from emulator.net.watched import Side
from emulator.rules.live import Fate

BOTH: Sequence[Side] = ("client", "backend")


@dataclass(slots=True, eq=False)
class LiveFlow:
    """A relay, and what became of it.

    Attributes:
        judge: what its fate is, asked after each change.
        dark: which ends are left in the dark when its fate is `drop`.
        fate: why it was ended, if it was.
    """

    relay: Relay
    judge: Callable[[], Fate | None]
    dark: Sequence[Side] = BOTH
    fate: Fate | None = None

    def end(self, fate: Fate) -> None:
        """End it so, unless it ended already."""
        if not self.relay.is_over:
            self.fate = fate
            self.relay.cut(fate.how, dark=self.dark)


class LiveFlows:
    """Those that are open at one listener."""

    def __init__(self) -> None:
        self._open: dict[LiveFlow, asyncio.TimerHandle | None] = {}

    def held(self, flow: LiveFlow) -> "_Held":
        """A context in which a flow is open."""
        return _Held(self._open, flow)

    def relays(self) -> Sequence[Relay]:
        """The relays of all of them."""
        return [flow.relay for flow in self._open]

    def judge(self, clock: Clock) -> None:
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
                self._open[flow] = flow.relay.loop.call_later(clock.real(fate.after), flow.end, fate)


class _Held:
    """There is one for each connection: a class with slots takes a third of a generator's memory."""

    __slots__ = ("_flow", "_open")

    def __init__(self, among: dict[LiveFlow, asyncio.TimerHandle | None], flow: LiveFlow) -> None:
        self._open = among
        self._flow = flow

    def __enter__(self) -> None:
        self._open[self._flow] = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting = self._open.pop(self._flow)
        if waiting is not None:
            waiting.cancel()
