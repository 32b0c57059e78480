"""A finding, and an item of the checklist: a question to a world, with why it is asked."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from emulator.errors import NotLoadedError
from emulator.model.ids import ResourceId
from emulator.model.world import TOPOLOGIES, Topology, World

State = Literal["ok", "warning", "failed", "unknown"]
IDENTITY = re.compile(r"/subscriptions/[^\s,;:]+")
SERVICE_TAGS = "az network list-service-tags --location REGION"
"""What prints the addresses of service tags, as the decisions say it."""


class LackingError(NotLoadedError):
    """Something that an item asks about was not loaded; `command` prints it."""

    def __init__(self, message: str, command: str) -> None:
        super().__init__(message)
        self.command = command


@dataclass(frozen=True, slots=True)
class Finding:
    """What one item of the checklist says of one resource.

    Attributes:
        name: the item's stable name, as `proxy-inbound`.
        state: `ok`; `warning` for what breaks some builds, or is going to; `failed` for what breaks every build;
            `unknown` where something needed was not loaded.
        resource: what the finding is about.
        found: what was found, in a sentence.
        why: why it matters.
        mend: the command that mends it, or for `unknown` the one that prints what is missing; empty for `ok`.
        source: the page or issue that the item comes from.
    """

    name: str
    state: State
    resource: ResourceId
    found: str
    why: str
    mend: str
    source: str

    def __str__(self) -> str:
        return f"{self.state}: {self.name}: {self.found}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an item found at one resource; its name and its reasons are the item's."""

    state: State
    resource: ResourceId
    found: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One item: a question to a world.

    Attributes:
        answers: what it finds; none where it does not apply. It may raise LookupError (NotLoadedError is one) for
            what was not loaded.
        topologies: those that it is about.
    """

    name: str
    why: str
    source: str
    answers: Callable[[World], Iterator[Answer]]
    topologies: tuple[Topology, ...] = TOPOLOGIES

    def findings(self, world: World) -> Iterator[Finding]:
        """What the item says of a world; `unknown` with what to export where something was not loaded."""
        if world.topology in self.topologies:
            for each in _merged(self._answers(world)):
                yield Finding(self.name, each.state, each.resource, each.found, self.why, each.mend, self.source)

    def _answers(self, world: World) -> Iterator[Answer]:
        try:
            yield from self.answers(world)
        except LookupError as error:
            if isinstance(error, (KeyError, IndexError)):
                raise  # a bug, nothing that somebody did not load
            yield _unknown(world, error)


def _merged(answers: Iterable[Answer]) -> Iterable[Answer]:
    """Answers about one resource that one command mends become one."""
    found: dict[tuple[State, ResourceId, str], list[str]] = {}
    for each in answers:
        found.setdefault((each.state, each.resource, each.mend), []).append(each.found)
    return [
        Answer(state, resource, "; ".join(dict.fromkeys(sentences)), mend)
        for (state, resource, mend), sentences in found.items()
    ]


def _unknown(world: World, error: LookupError) -> Answer:
    named = IDENTITY.search(str(error))
    missing = ResourceId(named[0]) if named else None
    command = error.command if isinstance(error, LackingError) else _export(world, str(error), missing)
    return Answer("unknown", missing or world.parts.subnet or ResourceId("/"), str(error), command)


def _export(world: World, message: str, missing: ResourceId | None) -> str:
    """The command that prints what is missing; IDs come out of documents, and are quoted."""
    if SERVICE_TAGS in message:
        location = next((each.location for each in world.networks), "REGION")
        return SERVICE_TAGS.replace("REGION", shlex.quote(location))
    if missing is None:
        return "az network vnet list -o json"
    if missing.type.endswith("/virtualnetworks/subnets"):
        return shlex.join(("az", "network", "vnet", "show", "--ids", missing.parent.text, "-o", "json"))
    return shlex.join(("az", "resource", "show", "--ids", missing.text, "-o", "json"))
