"""Keep an accepted connection from being served, as a fault at its listener has it."""

import socket

from emulator.clock import Clock
from emulator.net import records
from emulator.net.holding import left_within, until_gone
from emulator.net.records import Passage
from emulator.net.relay import LINGER_RST
from emulator.observe import How, Record
from emulator.reason import Outcome
from emulator.rules.faults import listening
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.kinds import SlowAccept

ACCEPTED = "it was accepted first: the kernel cannot tell one attempt by its number"


async def kept(connection: socket.socket, which: Passage, clock: Clock, fault: Fault) -> Record | None:
    """Do to a connection what a fault does before anybody serves it: its record, or None when it may go on."""
    verdict = listening.verdict(fault)
    if isinstance(fault.effect, SlowAccept):
        if not await left_within(connection, clock.real(fault.effect.seconds)):
            return None
    elif verdict.outcome is Outcome.REFUSED:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
        why = f"{verdict.sentence}; {ACCEPTED}"
        return records.closed(which, clock, which.hop, "rst", reason=verdict.reason, why=why, approximated=True)
    else:
        await until_gone(connection)
    how: How = records.how_gone(connection)
    exact = fault.effect.where == "accept" and fault.effect.kind in ("mute", "slow-accept")
    why = verdict.sentence if exact else f"{verdict.sentence}; {ACCEPTED}"
    return records.closed(which, clock, "client", how, reason=verdict.reason, why=why, approximated=not exact)
