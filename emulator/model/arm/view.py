"""One JSON object of Azure's, whatever tool printed it: by REST's names, without case, flattened or not.

REST, the portal and `az rest` print `properties`; the Azure CLI's own commands print the same fields beside `id`
and `name`; PowerShell prints them so, too, in PascalCase (azure.md 2.1).
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from emulator.model.kept import NOTHING, Kept

BESIDE = frozenset(
    {
        *("id", "name", "type", "location", "tags", "tag", "etag", "zones", "sku", "kind", "identity", "plan"),
        *("managedby", "extendedlocation", "apiversion", "dependson", "resourcegroup", "resourcegroupname"),
        *("resources", "systemdata", "scale", "comments", "condition"),
    }
)
"""Fields that stand beside `properties` in REST shape; in a flattened object the others belong within."""


OBJECT = (dict, Mapping)
"""An object of JSON; asking for the plain type first takes a tenth of the time."""


class _Side:
    """The fields that stand together, and which of them were read."""

    __slots__ = ("fields", "folded", "taken")

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.folded: dict[str, str] | None = None
        self.taken: dict[str, list[tuple[str, ...]]] = {}

    def name(self, key: str) -> str | None:
        """How a field is spelled here: most are as REST spells them, and only else their cases are compared."""
        if key in self.fields:
            return key
        if self.folded is None:
            self.folded = {each.lower(): each for each in self.fields}
        return self.folded.get(key.lower())

    def take(self, key: str) -> Any:
        path = _path(key)
        name = self.name(path[0])
        if name is None:
            return None
        self.taken.setdefault(name, []).append(path)
        found = self.fields[name]
        for step in path[1:]:
            found = _field(found, step)
        return found

    def left(self) -> Iterator[tuple[str, Any]]:
        """What is left of each field: its name, and its value less what was read of it."""
        for key, value in self.fields.items():
            taken = self.taken.get(key)
            if taken is None:
                yield key, value
            elif isinstance(value, OBJECT) and all(len(path) > 1 for path in taken):
                left = value
                for path in taken:
                    left = _without(left, path[1:])
                if left:
                    yield taken[0][0], left


class View:
    """The fields of an object, by REST's names; fields that are read are no longer left."""

    __slots__ = ("_beside", "_within", "flat")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._beside = _Side(raw)
        name = self._beside.name("properties")
        properties = raw[name] if name is not None else None
        self.flat = not isinstance(properties, OBJECT)
        self._within = self._beside
        if isinstance(properties, OBJECT):
            self._beside = _Side({key: value for key, value in raw.items() if key != name})
            self._within = _Side(properties)

    def beside(self, key: str) -> Any:
        """The value of a field beside `properties`, as `sku.name`; None for none."""
        return self._beside.take(key)

    def within(self, key: str) -> Any:
        """The value of a field within `properties`, as `addressSpace.addressPrefixes`; None for none."""
        return self._within.take(key)

    def has(self, keys: Iterable[str]) -> bool:
        """Whether it has `properties`, or any of these fields."""
        return not self.flat or any(self._beside.name(key.partition(".")[0]) is not None for key in keys)

    def kept(self) -> Kept:
        """What was not read, where it stands in REST shape."""
        beside: dict[str, Any] = {}
        within: dict[str, Any] = {}
        for name, left in self._beside.left():
            home = within if self.flat and name.lower() not in BESIDE else beside
            home[name] = left
        if not self.flat:
            within = dict(self._within.left())
        return Kept(beside, within) if beside or within else NOTHING


@cache
def _path(key: str) -> tuple[str, ...]:
    """The steps of a key; keys are those of the tables, a few hundred."""
    return tuple(key.split("."))


def _field(value: Any, key: str) -> Any:
    if not isinstance(value, OBJECT):
        return None
    if key in value:
        return value[key]
    return next((each for name, each in value.items() if name.lower() == key.lower()), None)


def _without(value: Mapping[str, Any], path: tuple[str, ...]) -> Mapping[str, Any]:
    """A copy of nested objects without one leaf."""
    first, rest = path[0], path[1:]
    left = {}
    for key, each in value.items():
        if key.lower() != first.lower():
            left[key] = each
        elif rest and isinstance(each, OBJECT) and (inner := _without(each, rest)):
            left[first] = inner
    return left
