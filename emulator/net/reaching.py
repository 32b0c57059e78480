"""Dial what lies at the far end of a leg, and introduce the connection by the hop header."""

import socket

from emulator.model.flow import Flow
from emulator.net import hop_header
from emulator.net.dial import DialFailure, dial, dial_at_once
from emulator.net.records import Passage
from emulator.net.scene import Scene
from emulator.rules.legs import Leg
from emulator.wire.hop import HopHeader
from emulator.wire.proxy_v2 import Addresses


async def reached(
    scene: Scene, which: Passage, leg: Leg, *, seconds: float, first: bytes = b""
) -> socket.socket | DialFailure:
    """The far end of a leg, connected, with what private link itself sends `first`; `seconds` are real ones."""
    flow = leg.flow
    where = scene.transport(flow.destination, flow.destination_port)
    target = await dial(scene.source(flow.source, where[0]), where, seconds=seconds)
    if isinstance(target, DialFailure):
        return target.of(which.backend)
    return _introduced(target, scene, which, flow, first)


def reached_at_once(scene: Scene, which: Passage, leg: Leg) -> socket.socket | None:
    """As `reached`, where that takes no waiting, as over loopback; None where it does, or cannot be."""
    flow = leg.flow
    where = scene.transport(flow.destination, flow.destination_port)
    if not where[0].startswith("127."):
        return None
    target = dial_at_once(scene.source(flow.source, where[0]), where)
    found = target and _introduced(target, scene, which, flow)
    return None if isinstance(found, DialFailure) else found


def _introduced(
    target: socket.socket, scene: Scene, which: Passage, flow: Flow, first: bytes = b""
) -> socket.socket | DialFailure:
    """A fresh connection on which the hop header, where it is understood, and what comes `first` were sent."""
    ends = Addresses(flow.source, flow.source_port, flow.destination, flow.destination_port)
    try:
        if which.backend not in scene.headless:
            hop_header.send(target, HopHeader(which.name, ends), scene.key)
        if first:
            target.send(first)  # a fresh connection's empty send buffer takes it whole
    except OSError as error:
        target.close()
        return DialFailure("unreachable", f"{which.backend} closed at once: {error}")
    return target
