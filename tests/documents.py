"""Short documents: one resource of a type, what comes of it, and what is said of it."""

from pathlib import Path
from typing import Any, TypeVar

import pytest

from emulator.errors import InvalidInputError
from emulator.model import arm
from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import Kind
from emulator.model.resources import Resource

GROUP = "/subscriptions/s/resourceGroups/g/providers"
NETWORK = f"{GROUP}/Microsoft.Network"
DATA = Path(__file__).parent / "data"

T = TypeVar("T")
R = TypeVar("R", bound=Resource)


def document(kind: str, properties: Any, **beside: Any) -> dict[str, Any]:
    """A resource called `x` in REST shape; `kind` is its full type."""
    return {"id": f"{GROUP}/{kind}/x", "name": "x", "properties": properties, **beside}


def one(kind: type[R], value: object, *, over: tuple[Resource, ...] = ()) -> R:
    """The one resource of a document."""
    (found,) = arm.load([("a.json", value)], over).resources
    assert isinstance(found, kind)
    return found


def said(*values: object, over: tuple[Resource, ...] = ()) -> list[str]:
    """What is said of documents called `0.json`, `1.json` and so on."""
    with pytest.raises(InvalidInputError) as caught:
        arm.load([(f"{index}.json", value) for index, value in enumerate(values)], over)
    return str(caught.value).splitlines()


def finding(value: object) -> str:
    """The one thing that is said of a document, less its name and its resource."""
    (line,) = said(value)
    return line.split(": ", 2)[2]


def read(kind: Kind[T], value: object) -> T | str | None:
    """What a kind makes of a value, or what it says of it."""
    place = Place("a.json", "x", "field")
    found = kind.read(value, place)
    return "; ".join(place.lines).removeprefix("a.json: x: ") if place.lines else found
