"""Both segments of a flow by one relay, as long as nothing is to happen to one of them alone.

The connection between private link and the proxy VM is not made then: one relay carries between client and build VM.
Each hop decides and writes its record as ever. Whatever concerns one of them, be it a fault, an idle timer, a change
that ends flows or a stopped service, parts them first: a connection takes its place in the middle, what is in flight
keeps its order, and each hop's relay goes on by itself.
"""

import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from emulator.net.live import LiveFlow
from emulator.net.relay import Ended
from emulator.net.second_segment import Errand, SecondSegment
from emulator.net.watched import Side

GoOn = Callable[[socket.socket, socket.socket, LiveFlow, Errand], None]
"""Has the proxy VM carry on by itself, between two sockets, with a flow."""


class Fused:
    """A proxy VM's part in a flow, for the hop before it; a context for as long as that hop's relay runs.

    Attributes:
        target: what that relay's far end is: the build VM's socket or, once parted, one end of the connection to the
            proxy VM. Whoever has this closes it.
    """

    __slots__ = ("_beyond", "_errand", "_first", "_go_on", "_segment", "target")

    def __init__(self, segment: SecondSegment, errand: Errand, target: socket.socket, go_on: GoOn) -> None:
        self.target = target
        self._go_on = go_on
        self._segment = segment
        self._errand = errand
        self._first: LiveFlow | None = None
        self._beyond: LiveFlow | None = None

    def with_flow(self, first: LiveFlow) -> Self:
        """The first hop's flow, whose relay carries for both."""
        self._first = first
        self._beyond = self._segment.flow(first.relay, self._errand)
        return self

    def __enter__(self) -> Self:
        first, beyond = self._flows()
        first.relay.hears = ("client",)  # a keepalive of the build VM goes to the proxy VM, and no further
        first.apart = beyond.apart = self.part
        self._segment.flows.add(beyond)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        first, beyond = self._flows()
        if beyond.apart is not None:
            self._segment.flows.remove(beyond)
            self._segment.note(beyond, self._errand, passed_on("client", first.relay.ended))

    def part(self) -> None:
        """Have each hop go on by itself; where no descriptor is left, what befalls one befalls both."""
        first, beyond = self._flows()
        if first.relay.is_over:
            return
        try:
            near, far = tcp_pair()
        except OSError:
            return
        target, self.target = self.target, near
        beyond.relay = first.relay.parted(near, far, self._segment.pace)
        first.apart = beyond.apart = None
        self._go_on(far, target, beyond, self._errand)

    def _flows(self) -> tuple[LiveFlow, LiveFlow]:
        if self._first is None or self._beyond is None:
            raise AssertionError("with_flow comes first")
        return self._first, self._beyond


def passed_on(side: Side, ended: Ended | None) -> Ended:
    """How a hop sees what ended a connection beyond the next one: who fell silent there is reset here.

    Args:
        side: on which the next hop is.
        ended: how the connection ended; None where the emulator stopped.
    """
    if ended is None:
        return Ended("emulator", "rst")
    return Ended(ended.by, "rst") if ended == Ended(side, "timeout") else ended


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a TCP connection within this process, non-blocking and without delay.

    Raises:
        OSError: there is no descriptor left.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        near = socket.create_connection(listening.getsockname())
        try:
            far = accepted(listening, near.getsockname())
        except OSError:
            near.close()
            raise
    for each in (near, far):
        each.setblocking(False)
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far


def accepted(listening: socket.socket, peer: tuple[str, int]) -> socket.socket:
    """The connection of a peer; another process of this machine may have come before it, and is turned away."""
    while True:
        far, place = listening.accept()
        if place == peer:
            return far
        far.close()
