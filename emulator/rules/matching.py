"""Find the first rule that matches a flow, in a time that hardly grows with the number of rules.

Each field of the five-tuple cuts its space into stretches in which the same rules match; a stretch keeps them as
the bits of one number, the first rule lowest. The rules that match a flow are the bits that all five fields have
in common, and the first of them decides (the bit vectors of Lakshman and Stiliadis, SIGCOMM 1998).
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from emulator.errors import NotLoadedError
from emulator.model.flow import Flow
from emulator.model.ids import ResourceId
from emulator.model.ports import PortRange
from emulator.rules import ranges
from emulator.rules.ranges import Range
from emulator.rules.tags import Tags, UnknownTagError


class Matched(Protocol):
    """What a rule says of the flows that it speaks about, its direction apart."""

    @property
    def name(self) -> str: ...

    @property
    def access(self) -> str: ...

    @property
    def protocol(self) -> str: ...

    @property
    def source_prefixes(self) -> tuple[str, ...]: ...

    @property
    def source_ports(self) -> tuple[PortRange, ...]: ...

    @property
    def destination_prefixes(self) -> tuple[str, ...]: ...

    @property
    def destination_ports(self) -> tuple[PortRange, ...]: ...


Rule = TypeVar("Rule", bound=Matched)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One field's space in stretches: where each starts, and which rules match within it."""

    starts: Sequence[int]
    masks: Sequence[int]

    def at(self, value: int) -> int:
        return self.masks[bisect_right(self.starts, value) - 1]


def _axis(of_rules: Iterable[Iterable[Range]]) -> _Axis:
    toggles = {0: 0}
    for index, own in enumerate(of_rules):
        for first, last in ranges.united(own):
            toggles[first] = toggles.get(first, 0) ^ (1 << index)
            toggles[last + 1] = toggles.get(last + 1, 0) ^ (1 << index)
    starts, masks, mask = sorted(toggles), [], 0
    for start in starts:
        mask ^= toggles[start]
        masks.append(mask)
    return _Axis(starts, masks)


@dataclass(frozen=True, slots=True)
class _End:
    """One end of a flow: the rules whose addresses match, and those of which that is not known."""

    known: _Axis
    possible: _Axis | None
    ports: _Axis


class Classifier(Generic[Rule]):
    """Rules in order, made ready to be matched."""

    def __init__(self, rules: Sequence[Rule], tags: Tags) -> None:
        self.rules = rules
        self._tags = tags
        self._source = self._end("source")
        self._destination = self._end("destination")
        names = ("Tcp", "Udp", "Icmp", "Esp", "Ah")
        self._protocols = {
            name.upper(): sum(1 << i for i, rule in enumerate(rules) if rule.protocol in ("*", name))
            for name in names
        }

    def _end(self, end: str) -> _End:
        unknown = False
        known, possible = [], []
        for rule in self.rules:
            sure, more = _addresses(rule, end, self._tags)
            known.append(sure)
            possible.append([*sure, *more])
            unknown = unknown or bool(more)
        ports = [[(each.first, each.last) for each in getattr(rule, f"{end}_ports")] for rule in self.rules]
        return _End(_axis(known), _axis(possible) if unknown else None, _axis(ports))

    def first(self, flow: Flow) -> Rule | None:
        """The first rule that matches; None where none does.

        Raises:
            NotLoadedError: a rule before it may match, by a tag or application group that was not loaded.
        """
        common = self._protocols[flow.protocol.name]
        common &= self._source.ports.at(flow.source_port) & self._destination.ports.at(flow.destination_port)
        source, destination = int(flow.source), int(flow.destination)
        sure = common & self._source.known.at(source) & self._destination.known.at(destination)
        if self._source.possible or self._destination.possible:
            maybe = common & (self._source.possible or self._source.known).at(source)
            maybe &= (self._destination.possible or self._destination.known).at(destination)
            self._refuse_to_guess(flow, sure, maybe)
        return self.rules[_lowest(sure)] if sure else None

    def _refuse_to_guess(self, flow: Flow, sure: int, maybe: int) -> None:
        """Where rules that may match come before the one that does, they must at least say the same."""
        said = self.rules[_lowest(sure)].access if sure else ""
        while maybe and (not sure or _lowest(maybe) < _lowest(sure)):
            rule = self.rules[_lowest(maybe)]
            maybe &= maybe - 1
            if rule.access == said:
                continue
            raise NotLoadedError(
                f"{flow}: rule {rule.name} may match it, by service tags or application security groups whose "
                "addresses were not loaded; `az network list-service-tags --location REGION`, `az network asg list` "
                "and `az network nic list` print them"
            )


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1


def _addresses(rule: Matched, end: str, tags: Tags) -> tuple[list[Range], list[Range]]:
    """The addresses of one end, and those that it may have besides."""
    groups: tuple[ResourceId, ...] = getattr(rule, f"{end}_groups", ())
    sure: list[Range] = []
    more: list[Range] = []
    for group in groups:
        try:
            sure += tags.members(group)
        except UnknownTagError:
            more += ranges.of_networks(tags.network)
    if groups:
        return sure, more
    for prefix in getattr(rule, f"{end}_prefixes"):
        try:
            sure += tags.ranges(prefix)
        except UnknownTagError:
            more += tags.unknown()
    return sure, more
