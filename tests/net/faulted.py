"""A relay under faults, for tests: a client and a backend whose connection things happen to."""

import contextlib
from collections.abc import AsyncIterator

from emulator.clock import Clock
from emulator.net.faults import ListenerFaults
from emulator.net.live import LiveFlow, LiveFlows
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.listening import Laid
from tests.net.test_relay import Relayed, relayed

CLOCK = Clock(100)
"""A hundred seconds pass in one."""


class Faulted:
    """A relayed connection at a listener of `proxy`, and its faults."""

    def __init__(self, channel: Relayed, flow: LiveFlow, flows: LiveFlows, listener: ListenerFaults) -> None:
        self.channel, self.flow = channel, flow
        self._flows, self._listener = flows, listener

    def set(self, *faults: Fault) -> None:
        """Have exactly these faults."""
        self._listener.follow([Laid(each, 0) for each in faults])
        self._flows.impose()


@contextlib.asynccontextmanager
async def faulted(*faults: Fault, buffer_bytes: int | None = None) -> AsyncIterator[Faulted]:
    """A connection that meets these faults from its beginning on."""
    listener = ListenerFaults(CLOCK, ("proxy", "build-linux"))
    flows = LiveFlows(listener, CLOCK)
    listener.follow([Laid(each, 0) for each in faults])
    async with relayed(buffer_bytes=buffer_bytes) as channel:
        flow = LiveFlow(channel.relay, lambda: None, number=listener.next_number())
        with flows.held(flow):
            yield Faulted(channel, flow, flows, listener)
