"""Open flows are judged anew after each change, and ended as their fate has it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from emulator.clock import Clock
from emulator.net.faults import ListenerFaults
from emulator.net.live import LiveFlow, LiveFlows
from emulator.net.relay import Ended
from emulator.reason import Reason
from emulator.rules.live import Fate
from tests.net.conftest import Run
from tests.net.test_relay import Relayed, relayed

pytestmark = pytest.mark.network
STATE = Reason("state", "", "AdminState")


class Judged:
    """An open flow whose fate a test decides."""

    def __init__(self, channel: Relayed, flows: LiveFlows) -> None:
        self.channel, self.flows = channel, flows
        self.next: Fate | None = None
        self.flow = LiveFlow(channel.relay, lambda: self.next)

    def judge(self, fate: Fate | None) -> None:
        """The world changed, and this is what becomes of the flow."""
        self.next = fate
        self.flows.judge()


@contextlib.asynccontextmanager
async def judged() -> AsyncIterator[Judged]:
    """An open flow."""
    flows = LiveFlows(ListenerFaults(Clock(10), ("proxy",)), Clock(10))
    async with relayed() as channel:
        found = Judged(channel, flows)
        with flows.held(found.flow):
            yield found
        assert flows.relays() == []


def test_without_a_fate_it_goes_on(run: Run) -> None:
    """Nothing happens to a flow that no change concerns."""

    async def body() -> None:
        async with judged() as found:
            found.judge(None)
            assert found.flows.relays() == [found.channel.relay]
            assert found.flow.fate is None
            assert not found.channel.relay.is_over

    run(body())


def test_a_fate_at_once(run: Run) -> None:
    """It ends before the change is through, and keeps its first fate."""

    async def body() -> None:
        async with judged() as found:
            found.judge(Fate("rst", STATE, "reset"))
            found.judge(Fate("drop", STATE, "dropped too late"))
            assert await found.channel.ended() == Ended("emulator", "rst")
            assert found.flow.fate == Fate("rst", STATE, "reset")

    run(body())


def test_a_fate_that_is_put_off(run: Run) -> None:
    """Two emulated seconds at a scale of ten: it goes on until then, however often the world changes meanwhile."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        async with judged() as found:
            began = loop.time()
            for _ in range(2):
                found.judge(Fate("rst", STATE, "drained", after=2))
            assert await found.channel.ended() == Ended("emulator", "rst")
            assert loop.time() - began >= 0.19

    run(body())


def test_a_fate_that_is_taken_back(run: Run) -> None:
    """A flow whose time has not come is spared if what threatened it is undone."""

    async def body() -> None:
        async with judged() as found:
            found.judge(Fate("rst", STATE, "drained", after=1))
            found.judge(None)
            await asyncio.sleep(0.15)
            assert not found.channel.relay.is_over

    run(body())
