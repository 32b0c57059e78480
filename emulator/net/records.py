"""Make the records of one connection, or of one dropped attempt, at one hop."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace

from emulator.clock import Clock, wall_time
from emulator.model.flow import Flow
from emulator.net.attempts import Attempt
from emulator.net.relay import Ended, Relay
from emulator.observe import How, Observation, Record, new_flow
from emulator.reason import Reason, Verdict
from emulator.rules.live import Fate
from emulator.wire.proxy_v2 import Header

WORDS = {"fin": "FIN", "rst": "RST", "drop": "silence", "timeout": "a timeout"}
PEER = Reason("peer", "", "")
UNHEARD = "bytes are still acknowledged, since socket filters are not allowed here"
UNFILTERED = "packets are late rather than lost, since socket filters are not allowed here"
HELD = "accepted and held, since socket filters are not allowed here"


@dataclass(frozen=True, slots=True)
class Passage:
    """One connection at one hop, from its beginning on.

    Attributes:
        hop: who writes the record.
        leg: from whom to whom.
        client: the transport source, `address:port`.
        flow: Azure's addresses.
        backend: who is at the far end.
        started: loop time of the accept.
    """

    hop: str
    leg: str
    client: str
    flow: Flow
    backend: str
    started: float
    name: str

    @property
    def source(self) -> str:
        """Azure's source, `address:port`."""
        return f"{self.flow.source}:{self.flow.source_port}"

    @property
    def to(self) -> str:
        """Azure's destination, `address:port`."""
        return f"{self.flow.destination}:{self.flow.destination_port}"


def passage(hop: str, leg: str, client: tuple[str, int], flow: Flow, *, backend: str = "", name: str = "") -> Passage:
    """A passage that begins now."""
    now = asyncio.get_running_loop().time()
    return Passage(hop, leg, f"{client[0]}:{client[1]}", flow, backend, now, name or new_flow())


def closed(
    which: Passage,
    clock: Clock,
    by: str,
    how: How,
    *,
    relay: Relay | None = None,
    reason: Reason = PEER,
    why: str = "",
    approximated: bool = False,
) -> Record:
    """The record of a connection that ended."""
    now = asyncio.get_running_loop().time()
    sent, got = (relay.bytes_from_client, relay.bytes_to_client) if relay else (0, 0)
    age = (now - which.started) * clock.scale
    source, to = which.source, which.to
    sentence = (
        f"{source} → {to} at {which.hop} was ended by {by} with {WORDS[how]} after {age:.1f} s, "
        f"{sent} bytes from the client and {got} to it" + (f": {why}" if why else "")
    )
    return Record(
        time=wall_time(),
        flow=which.name,
        kind="close",
        hop=which.hop,
        leg=which.leg,
        client=which.client,
        source=source,
        to=to,
        ended_by=by,
        how=how,
        reason=reason,
        sentence=sentence,
        approximated=approximated,
        faults=(reason.name,) if reason.kind == "fault" else (),
        bytes_from_client=sent,
        bytes_to_client=got,
        age=round(age, 3),
        idle=round((now - (relay.last_activity if relay else which.started)) * clock.scale, 3),
    )


def relayed(
    which: Passage, clock: Clock, relay: Relay, ended: Ended, stopped: str = "", *, because: Verdict | None = None
) -> Record:
    """The record of a relayed connection.

    Args:
        which: the connection.
        clock: whose seconds its age has.
        relay: what carried it.
        ended: by whom, and how.
        stopped: a hop whose service was stopped under it.
        because: what nobody at either end could make sense of it for, if there is such a thing.
    """
    by = {"client": "client", "backend": which.backend, "emulator": stopped or "emulator"}[ended.by]
    if ended.by == "emulator" and stopped:
        return closed(which, clock, by, ended.how, relay=relay, reason=Reason("state", "", "ServiceStopped"))
    reason, why = (because.reason, because.sentence) if because else (PEER, "")
    return closed(which, clock, by, ended.how, relay=relay, reason=reason, why=why)


def fated(which: Passage, clock: Clock, relay: Relay, fate: Fate) -> Record:
    """The record of a relayed connection that a timer or a change of the world ended."""
    record = closed(which, clock, fate.by or which.hop, fate.how, relay=relay, reason=fate.reason, why=fate.sentence)
    if fate.how != "drop" or relay.darkened:
        return record
    return replace(record, approximated=True, sentence=f"{record.sentence} (approximated: {UNHEARD})")


def dropped(which: Passage, verdict: Verdict, *, approximated: str = "", age: float = 0.0) -> Record:
    """The record of an attempt that got no answer; `approximated` says how, where it was not to the packet."""
    client = which.client if not which.client.startswith(":") else "source unknown"
    sentence = f"connection attempt of {client} dropped at {which.leg}: {verdict.sentence}"
    if approximated:
        sentence += f" (approximated: {approximated})"
    return Record(
        time=wall_time(),
        flow=which.name,
        kind="drop",
        hop=which.hop,
        leg=which.leg,
        client=client,
        source=which.source,
        to=which.to,
        ended_by=which.hop,
        how="drop",
        reason=verdict.reason,
        sentence=sentence,
        approximated=bool(approximated),
        age=round(age, 3),
        faults=(verdict.reason.name,) if verdict.reason.kind == "fault" else (),
    )


def faulty(
    record: Record, which: Passage, clock: Clock, touched: Mapping[str, float], *, approximates: bool
) -> Record:
    """A record that names every fault that touched its connection, and when."""
    if not touched:
        return record
    began = which.started * clock.scale
    ages = ", ".join(f"{name} after {max(0.0, at - began):.1f} s" for name, at in touched.items())
    sentence = f"{record.sentence} (faults: {ages})"
    if approximates:
        sentence += f" (approximated: {UNFILTERED})"
    return replace(record, sentence=sentence, faults=tuple(touched), approximated=record.approximated or approximates)


def introduced(hop: str, which: Passage, header: Header, link: int | None) -> Observation:
    """Private link's header told a proxy who its client is."""
    ends = header.addresses
    client = f"{ends.source}:{ends.source_port}" if ends else "nobody"
    said = "no LINKID" if link is None else f"LINKID {link}"
    sentence = f"{hop}: private link says that {which.name} comes from {client}, {said}"
    data: dict[str, str | int | float | bool] = {"flow": which.name, "client": client}
    if link is not None:
        data["link"] = link
    return Observation(wall_time(), "LinkHeaderRead", hop, sentence, data)


def how_gone(connection: socket.socket) -> How:
    """How the peer of a held connection left it."""
    return "rst" if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) else "fin"


def attempt_ended(hop: str, attempt: Attempt) -> Observation:
    """A client whose SYNs were dropped gave up; its record was made at the first of them."""
    client = f"{attempt.source}:{attempt.source_port}" if attempt.source else "source unknown"
    sentence = f"{client} gave up at {hop} after {attempt.retransmissions} retransmissions"
    data: dict[str, str | int | float | bool] = {"client": client, "retransmissions": attempt.retransmissions}
    return Observation(wall_time(), "AttemptEnded", hop, sentence, {**data, "age": round(attempt.age, 3)})
