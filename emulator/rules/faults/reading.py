"""A fault from the keys and values that people write, and back; bad ones are all named at once."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_type_hints

from emulator.errors import InvalidInputError
from emulator.rules.faults.catalog import ALL
from emulator.rules.faults.fault import DIRECTIONS, Fault, Moment
from emulator.rules.faults.guest_kinds import GUESTS
from emulator.rules.faults.kinds import DAY, Effect
from emulator.rules.faults.phases import PHASES

PATTERN_BYTES = 256
"""The longest pattern."""
MOMENTS = (
    f"connect, banner, handshake, login, bytes:N, seconds:S (at most {DAY:g}) or pattern:TEXT "
    f"(at most {PATTERN_BYTES} bytes)"
)
LINK = "load-balancer"
"""The hop that plays private link, too."""
STATES = {"restart": "service-stopped", "reboot": "rebooting", "deallocated": "deallocated"}
"""What is no fault but a state of a machine, and which."""
COMMON = ("name", "kind", "hop", "direction", "at", "share", "nth", "for", "seed")
"""The keys that every kind has; `for` is `Fault.lasts`, `at` is `Fault.moment`."""


def settings_of(kind: type[Effect]) -> Sequence[dataclasses.Field[Any]]:
    """The settings of a kind beside the common keys."""
    return dataclasses.fields(kind)


def fault_from(
    values: Mapping[str, Any], hops: Sequence[str], *, default_name: str, seed: int, guests: Sequence[str] = ()
) -> Fault:
    """The fault that keys and values describe.

    Args:
        values: a key each; `kind` must be there, and `hop` unless there is only one, or a proxy.
        hops: the hops that there are.
        default_name: its name where none is given.
        seed: of its draws, where none is given.
        guests: the build VMs that play faults of their own.

    Raises:
        InvalidInputError: with every finding, one a line: what was found, where, what is allowed.
    """
    kind = ALL.get(values["kind"]) if isinstance(values.get("kind"), str) else None
    if kind is None:
        raise InvalidInputError(
            f"kind: found {values.get('kind')!r}, expected one of {', '.join(ALL)}{_state(values)}"
        )
    hops = _hops(kind, hops, guests)
    reading = _Reading(values)
    reading.only((*COMMON, *(each.name for each in settings_of(kind))), kind.kind)
    found = Fault(
        name=reading.word("name", default_name),
        effect=reading.effect(kind),
        hop=reading.one_of("hop", hops, hops[0] if len(hops) == 1 else "proxy" if "proxy" in hops else None),
        direction=reading.one_of("direction", DIRECTIONS, "both"),  # type: ignore[arg-type]
        moment=reading.moment(),
        share=reading.number("share", 0, 1, 1.0),
        nth=int(reading.number("nth", 0, 2**31, 0, whole=True)),
        lasts=reading.number("for", 0, DAY, 0.0),
        seed=int(reading.number("seed", 0, 2**53, seed, whole=True)),
    )
    findings = [*reading.findings, *_contradictions(found)]
    if findings:
        raise InvalidInputError("\n".join(findings))
    return found


def _contradictions(found: Fault) -> Iterator[str]:
    """What a fault's own kind has no use for."""
    kind, where = found.effect.kind, found.effect.where
    if where == "accept" and found.moment != Moment():
        yield f"at: found {found.moment}, but {kind} acts when a connection is attempted"
    if found.nth and found.share < 1:
        yield f"share: found {found.share:g}, but nth is one connection alone"
    if where in ("accept", "link", *GUESTS) and found.direction != "both":
        yield f"direction: found {found.direction}, but {kind} has none"
    chosen = (found.moment, found.share, found.nth) != (Moment(), 1.0, 0)
    if where == "link" and chosen:
        yield f"{kind} is private link's, for all connections: it has no at, share, nth"
    if where in GUESTS and (chosen or found.lasts):
        yield f"{kind} is the build VM's, for all connections: it has no at, share, nth, for"


def _state(values: Mapping[str, Any]) -> str:
    """A word for who asks for what a machine does as a whole."""
    asked = str(values.get("kind"))
    state = next((state for word, state in STATES.items() if word in asked), None)
    return f"; restarts and reboots are states: `aib-emulator machine HOP {state}`" if state else ""


def _hops(kind: type[Effect], hops: Sequence[str], guests: Sequence[str]) -> Sequence[str]:
    """The hops at which there is what plays a kind."""
    if kind.where in GUESTS:
        return _guests(kind, guests)
    return _link(kind, hops) if kind.where == "link" else hops


def _link(kind: type[Effect], hops: Sequence[str]) -> Sequence[str]:
    found = [each for each in hops if each == LINK]
    if not found:
        raise InvalidInputError(f"kind: found {kind.kind!r}, but this topology has no private link")
    return found


def _guests(kind: type[Effect], guests: Sequence[str]) -> Sequence[str]:
    found = [each for each in guests if each.endswith(kind.where)]
    if not found:
        lack = f"this channel has no {kind.where} build VM that plays it (a container does not)"
        raise InvalidInputError(f"kind: found {kind.kind!r}, but {lack}")
    return found


def values_of(fault: Fault) -> dict[str, Any]:
    """The keys and values of a fault, as `fault_from` reads them."""
    return {
        "name": fault.name,
        "kind": fault.effect.kind,
        "hop": fault.hop,
        "direction": fault.direction,
        "at": str(fault.moment),
        "share": fault.share,
        "nth": fault.nth,
        "for": fault.lasts,
        "seed": fault.seed,
        **dataclasses.asdict(fault.effect),
    }


class _Reading:
    """Reads one key after the other, and collects what is wrong."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.findings: list[str] = []

    def only(self, keys: Iterable[str], kind: str) -> None:
        for key in self._values:
            if key not in keys:
                self.findings.append(f"{key}: no such key of {kind}; the keys are {', '.join(keys)}")

    def word(self, key: str, default: str) -> str:
        found = self._values.get(key, default)
        good = isinstance(found, str) and 0 < len(found) <= 64 and found.isprintable() and not set(found) & set(" /")
        if good:
            return str(found)
        return str(self._wrong(key, found, "1 to 64 printable characters without a space or slash", default))

    def one_of(self, key: str, names: Sequence[str], default: str | None) -> str:
        found = self._values.get(key, default)
        if found in names:
            return str(found)
        given = f"found {found!r}" if key in self._values else "found nothing"
        self.findings.append(f"{key}: {given}, expected one of {', '.join(names)}")
        return names[0] if names else ""

    def number(self, key: str, least: float, most: float, default: float | None, *, whole: bool = False) -> float:
        found = self._values.get(key, default)
        what = f"{'a whole number' if whole else 'a number'} from {least:.16g} to {most:.16g}"
        if isinstance(found, str):
            found = _as_number(found)
        fits = isinstance(found, (int, float)) and not isinstance(found, bool) and least <= found <= most
        if fits and (not whole or found == int(found)):
            return int(found) if whole else float(found)
        return float(self._wrong(key, self._values.get(key), what, least))

    def effect(self, kind: type[Effect]) -> Effect:
        types = get_type_hints(kind)
        given: dict[str, Any] = {}
        for each in settings_of(kind):
            default = None if each.default is dataclasses.MISSING else each.default
            if "pattern" in each.metadata:
                given[each.name] = self.text(each.name, each.metadata["pattern"], str(each.default))
            elif "names" in each.metadata:
                given[each.name] = self.one_of(each.name, each.metadata["names"], default)
            else:
                limits, whole = each.metadata, types[each.name] is int
                given[each.name] = self.number(each.name, limits["least"], limits["most"], default, whole=whole)
        return kind(**given)

    def text(self, key: str, pattern: str, default: str) -> str:
        found = self._values.get(key, default)
        if isinstance(found, str) and re.fullmatch(pattern, found):
            return found
        return str(self._wrong(key, found, f"text that matches {pattern}", default))

    def moment(self) -> Moment:
        found = self._values.get("at", "connect")
        name, _, value = str(found).partition(":")
        if found == "connect":
            return Moment()
        if found in PHASES:
            return Moment(phase=found)
        number = _as_number(value)
        if name == "bytes" and isinstance(number, int) and number >= 0:
            return Moment(size=number)
        if name == "seconds" and isinstance(number, (int, float)) and 0 <= number <= DAY:
            return Moment(seconds=float(number))
        pattern = _pattern(value) if name == "pattern" else b""
        if 0 < len(pattern) <= PATTERN_BYTES:
            return Moment(pattern=pattern)
        self._wrong("at", found, MOMENTS, None)
        return Moment()

    def _wrong(self, key: str, found: object, expected: str, instead: Any) -> Any:
        given = f"found {found!r}" if key in self._values else "found nothing"
        self.findings.append(f"{key}: {given}, expected {expected}")
        return instead


def _as_number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _pattern(text: str) -> bytes:
    r"""The bytes of a pattern: text, with `\n`, `\x00` and the like."""
    try:
        return text.encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        return b""
