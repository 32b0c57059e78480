"""What the emulator reports, as frozen values, and to whom.

The close record is the product's main output: the event stream, the log line, the API answer and what a failed
test prints are all made from it. An observer is any callable that takes an event; it must not block or raise.
"""

import dataclasses
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from emulator.reason import Reason

Kind = Literal["close", "drop"]
How = Literal["fin", "rst", "drop", "timeout"]


@dataclass(frozen=True, slots=True)
class Record:
    """One connection that ended, or one attempt that was dropped, at one hop.

    Attributes:
        time: wall time, UTC, ISO 8601.
        flow: names the flow at every hop it crossed.
        kind: `close` for a connection, `drop` for an attempt that got no answer.
        hop: who writes this record (`load-balancer`, `proxy`, `build-linux`, `build-windows`).
        leg: the leg at which it ended, as `proxy → build-linux`.
        client: the real transport source, `address:port`, as the operating system sees it.
        source: Azure's address and port of the flow's source at this hop (JSON: `from`).
        to: Azure's address and port of its destination.
        ended_by: `client`, a hop's name, or `emulator` when it was stopped.
        how: FIN, RST, silent drop, or a timer.
        approximated: true where this machine could not play the effect to the packet.
        bytes_from_client: payload bytes, hop headers not counted.
        bytes_to_client: likewise.
        age: emulated seconds from accept (or first SYN) to the end.
        idle: emulated seconds since the last byte.
        faults: names of faults that touched it.
        sentence: all of it, for a person.
    """

    time: str
    flow: str
    kind: Kind
    hop: str
    leg: str
    client: str
    source: str
    to: str
    ended_by: str
    how: How
    reason: Reason
    sentence: str
    approximated: bool = False
    bytes_from_client: int = 0
    bytes_to_client: int = 0
    age: float = 0.0
    idle: float = 0.0
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Anything else worth a line: a probe flipped, the world changed, a hop stopped, a command was answered.

    Attributes:
        time: wall time, UTC, ISO 8601.
        event: a past-tense name, as `BackendDown`, `WorldApplied`, `AttemptEnded`, `CommandAnswered`.
        hop: the hop it concerns, or an empty string.
        sentence: for a person.
        data: machine-readable details; values are strings and numbers.
    """

    time: str
    event: str
    hop: str
    sentence: str
    data: dict[str, str | int | float | bool] = field(default_factory=dict)


Event = Record | Observation
Observer = Callable[[Event], None]


def new_flow() -> str:
    """A fresh name for a flow: 16 hexadecimal digits."""
    return secrets.token_hex(8)


def as_json(event: Event) -> dict[str, object]:
    """The event as the API and `aib-emulator events` print it."""
    if isinstance(event, Observation):
        return dataclasses.asdict(event)
    values = dataclasses.asdict(event)
    values["from"] = values.pop("source")
    order = (
        "time flow kind hop leg client from to ended_by how reason approximated bytes_from_client "
        "bytes_to_client age idle faults sentence"
    )
    return {name: values[name] for name in order.split()}
