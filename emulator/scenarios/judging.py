"""Whether what a client saw, and what the emulator recorded, is what a scenario says. Pure."""

import datetime
from dataclasses import dataclass

from emulator.observe import Event, Observation, Record
from emulator.scenarios.step import EventSeen, Evidence, RecordSeen, Sees, Symptom

ROUNDING = 0.002
"""Real seconds by which a record's time and age may be rounded."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client saw.

    Attributes:
        said: what it printed, or would have.
        seconds: real ones.
    """

    outcome: Symptom
    said: str
    exit_code: int | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        code = "" if self.exit_code is None else f", exit code {self.exit_code}"
        return f"{self.outcome}{code}"


def difference(seen: Seen, sees: Sees, *, filters: bool = True) -> str:
    """How what was seen differs from what was to be seen, in a sentence; empty where it does not.

    Without socket filters it may be something else that is to be seen.
    """
    outcome = sees.outcome if filters else sees.approximated or sees.outcome
    if seen.outcome != outcome:
        return f"found {seen.outcome}, expected {outcome}: {seen.said.strip() or 'it said nothing'}"
    if sees.exit_code is not None and seen.exit_code != sees.exit_code:
        return f"found exit code {seen.exit_code}, expected {sees.exit_code}: {seen.said.strip()}"
    missing = [each for each in sees.says if each not in seen.said]
    if missing:
        return f"found {seen.said.strip()!r}, expected {' and '.join(map(repr, missing))} in it"
    return ""


def is_it(event: Event, wanted: RecordSeen | EventSeen, *, filters: bool) -> bool:
    """Whether an event is what was to be recorded, on a machine with socket filters or without."""
    if isinstance(wanted, EventSeen):
        return isinstance(event, Observation) and _is_event(event, wanted)
    return isinstance(event, Record) and _is_record(event, wanted) and _is_as_exact(event, wanted, filters=filters)


def _is_event(event: Observation, wanted: EventSeen) -> bool:
    return event.event == wanted.event and wanted.hop in (None, event.hop) and wanted.says in event.sentence


def _is_record(record: Record, wanted: RecordSeen) -> bool:
    pairs = [
        (wanted.hop, record.hop),
        (wanted.kind, record.kind),
        (wanted.leg, record.leg),
        (wanted.ended_by, record.ended_by),
        (wanted.how, record.how),
        (wanted.reason.kind, record.reason.kind),
        (wanted.reason.name, record.reason.name),
    ]
    said = wanted.says in record.sentence and set(wanted.faults) <= set(record.faults)
    return said and all(value in (None, found) for value, found in pairs)


def _is_as_exact(record: Record, wanted: RecordSeen, *, filters: bool) -> bool:
    return wanted.exact or record.approximated != filters


def began_before(record: Record, wall: datetime.datetime, scale: float) -> bool:
    """Whether a recorded connection is older than a moment: the trials of a start are nobody's client."""
    ended = datetime.datetime.fromisoformat(record.time)
    return ended - datetime.timedelta(seconds=record.age / scale) < wall - datetime.timedelta(seconds=ROUNDING)


def in_words(evidence: Evidence) -> str:
    """What was to be recorded, on one line."""
    values = evidence.value.model_dump(exclude_unset=True)
    return f"{evidence.verb} {', '.join(f'{key} {_word(value)}' for key, value in values.items())}"


def _word(value: object) -> str:
    return " ".join(f"{inner}" for inner in value.values()) if isinstance(value, dict) else f"{value}"
