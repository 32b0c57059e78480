"""Keep an accepted connection from being served, as a fault at its listener has it."""

import asyncio
import socket

from emulator.clock import Clock
from emulator.net import records
from emulator.net.faults import ListenerFaults
from emulator.net.holding import until_gone
from emulator.net.records import Passage
from emulator.net.relay import LINGER_RST
from emulator.net.scene import Scene
from emulator.observe import How, Record
from emulator.reason import Outcome
from emulator.rules.faults import listening
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.kinds import SlowAccept

ACCEPTED = "it was accepted first: the kernel cannot tell one attempt by its number"


async def is_kept(
    faults: ListenerFaults, number: int, connection: socket.socket, which: Passage, scene: Scene
) -> bool:
    """Whether a fault at the listener kept its connection of this number from being served, to its end."""
    fault = faults.at_accept(number)
    if fault is None:
        return False
    record = await kept(connection, which, scene.clock, fault, faults.removed(fault))
    if record is not None:
        scene.observer(record)
    return record is not None


async def kept(
    connection: socket.socket, which: Passage, clock: Clock, fault: Fault, removed: asyncio.Event
) -> Record | None:
    """Do to a connection what a fault does before anybody serves it: its record, or None when it may go on.

    `removed`: set once the fault is there no more.
    """
    verdict = listening.verdict(fault)
    if isinstance(fault.effect, SlowAccept):
        if not await _left(connection, removed, clock.real(fault.effect.seconds)):
            return None
    elif verdict.outcome is Outcome.REFUSED:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        why = f"{verdict.sentence}; {ACCEPTED}"
        return records.closed(which, clock, which.hop, "rst", reason=verdict.reason, why=why, approximated=True)
    elif not await _left(connection, removed, None):
        return None
    how: How = records.how_gone(connection)
    exact = fault.effect.where == "accept" and fault.effect.kind in ("mute", "slow-accept")
    why = verdict.sentence if exact else f"{verdict.sentence}; {ACCEPTED}"
    return records.closed(which, clock, "client", how, reason=verdict.reason, why=why, approximated=not exact)


async def _left(connection: socket.socket, removed: asyncio.Event, seconds: float | None) -> bool:
    """Whether the client leaves before the fault does, or before so many real seconds have passed."""
    async with asyncio.TaskGroup() as group:
        gone = group.create_task(until_gone(connection))
        mended = group.create_task(removed.wait())
        await asyncio.wait({gone, mended}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        left = gone.done()
        for task in (gone, mended):
            task.cancel()
    return left
