"""How single values are written in Azure's JSON: each kind reads and writes, and says what it allows."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, Generic, TypeVar

from emulator.model.arm.findings import Place
from emulator.model.ids import ResourceId
from emulator.model.network import Address, Network
from emulator.model.ports import PortRange, port_range

T = TypeVar("T")


def _no_references(_: Any) -> Iterable[ResourceId]:
    return ()


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """How one kind of value is written.

    Attributes:
        read: the value of JSON at a place; None after a finding.
        write: the JSON of a value.
        references: the resources that a value refers to.
    """

    read: Callable[[Any, Place], T | None]
    write: Callable[[T], Any]
    references: Callable[[T], Iterable[ResourceId]] = _no_references


def _same(value: T) -> T:
    return value


def _text(found: Any, place: Place) -> str | None:
    if isinstance(found, str):
        return found
    place.wrong(found, "text")
    return None


def _boolean(found: Any, place: Place) -> bool | None:
    if isinstance(found, bool):
        return found
    place.wrong(found, "true or false")
    return None


TEXT: Kind[str] = Kind(_text, _same)
BOOLEAN: Kind[bool] = Kind(_boolean, _same)


def whole(least: int, most: int, *, as_text: bool = False) -> Kind[int]:
    """A whole number within bounds; `as_text` where Azure writes it as text."""

    def read(found: Any, place: Place) -> int | None:
        digits = as_text and isinstance(found, str) and re.fullmatch(r"[0-9]{1,20}", found)
        number = int(found) if digits else found
        if isinstance(number, int) and not isinstance(number, bool) and least <= number <= most:
            return number
        place.wrong(found, f"a whole number from {least} to {most}")
        return None

    return Kind(read, str if as_text else _same)


def choice(*words: str, numbered: bool = False) -> Kind[Any]:
    """One of a few words, in any case; `numbered` where PowerShell prints their numbers, in this order."""
    known: dict[object, str] = {word.lower(): word for word in words}
    known |= dict(enumerate(words)) if numbered else {}

    def read(found: Any, place: Place) -> str | None:
        key = found.lower() if isinstance(found, str) else found
        word = known.get(key) if isinstance(key, (str, int)) and not isinstance(key, bool) else None
        if word is None:
            place.wrong(found, "one of " + ", ".join(words))
        return word

    return Kind(read, _same)


def parsed(make: Callable[[str], T], allowed: str) -> Kind[T]:
    """Text that `make` understands; it raises ValueError where it does not."""

    def read(found: Any, place: Place) -> T | None:
        try:
            if isinstance(found, str):
                return make(found)
        except ValueError:
            pass
        place.wrong(found, allowed)
        return None

    return Kind(read, str)


def _network(text: str) -> Network:
    return ip_network(text, strict=False)


ADDRESS: Kind[Address] = parsed(ip_address, "an IP address")
ADDRESS4: Kind[IPv4Address] = parsed(IPv4Address, "an IPv4 address")
NETWORK: Kind[Network] = parsed(_network, "an address range as 10.0.0.0/16")
PORTS: Kind[PortRange] = parsed(port_range, "*, a port, or first-last within 0-65535")


def _identifier(found: Any, place: Place) -> ResourceId | None:
    if isinstance(found, str) and found and found.isprintable():
        return ResourceId(found if found.startswith(("/", "[", "<")) else f"/{found}")
    place.wrong(found, "a resource ID")
    return None


def _reference(found: Any, place: Place) -> ResourceId | None:
    if isinstance(found, dict):
        keys = {key.lower(): value for key, value in found.items()}
        return _identifier(keys.get("id"), place.at("id"))
    place.wrong(found, "an object with the `id` of a resource")
    return None


def _itself(value: ResourceId) -> Iterable[ResourceId]:
    return (value,)


ID: Kind[ResourceId] = Kind(_identifier, str, _itself)
"""A resource ID as plain text."""
REFERENCE: Kind[ResourceId] = Kind(_reference, lambda value: {"id": value.text}, _itself)
"""A resource ID within an object."""


def each(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """A list of values of one kind; PowerShell prints a list of one as its item."""

    def read(found: Any, place: Place) -> tuple[T, ...] | None:
        items = found if isinstance(found, list) else [found] if isinstance(found, (str, dict)) else None
        if items is None:
            place.wrong(found, "a list")
            return None
        values = [kind.read(item, place.item(index)) for index, item in enumerate(items)]
        good = tuple(value for value in values if value is not None)
        return good if len(good) == len(values) else None

    def write(values: Sequence[T]) -> list[Any]:
        return [kind.write(value) for value in values]

    def references(values: Sequence[T]) -> Iterable[ResourceId]:
        return [found for value in values for found in kind.references(value)]

    return Kind(read, write, references)
