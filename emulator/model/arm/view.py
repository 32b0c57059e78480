"""One JSON object of Azure's, whatever tool printed it: by REST's names, without case, flattened or not.

REST, the portal and `az rest` print `properties`; the Azure CLI's own commands print the same fields beside `id`
and `name`; PowerShell prints them so, too, in PascalCase (azure.md 2.1).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from emulator.model.kept import Kept

BESIDE = frozenset(
    {
        *("id", "name", "type", "location", "tags", "tag", "etag", "zones", "sku", "kind", "identity", "plan"),
        *("managedby", "extendedlocation", "apiversion", "dependson", "resourcegroup", "resourcegroupname"),
        *("resources", "systemdata", "scale", "comments", "condition"),
    }
)
"""Fields that stand beside `properties` in REST shape; in a flattened object the others belong within."""

Fields = Mapping[str, tuple[str, Any]]
"""Fields by name in lower case: their own name, and their value."""


class View:
    """The fields of an object, by name in lower case; fields that are read are no longer left."""

    __slots__ = ("_beside", "_taken", "_within", "flat")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._beside = {key.lower(): (key, value) for key, value in raw.items()}
        _, properties = self._beside.get("properties", ("", None))
        self.flat = not isinstance(properties, Mapping)
        if isinstance(properties, Mapping):
            del self._beside["properties"]
            self._within = {key.lower(): (key, value) for key, value in properties.items()}
        else:
            self._within = self._beside
        self._taken: dict[tuple[int, str], list[tuple[str, ...]]] = {}

    def beside(self, key: str) -> Any:
        """The value of a field beside `properties`, as `sku.name`; None for none."""
        return self._take(self._beside, tuple(key.split(".")))

    def within(self, key: str) -> Any:
        """The value of a field within `properties`, as `addressSpace.addressPrefixes`; None for none."""
        return self._take(self._within, tuple(key.split(".")))

    def has(self, keys: Iterable[str]) -> bool:
        """Whether it has `properties`, or any of these fields."""
        lowered = {key.partition(".")[0].lower() for key in keys}
        return not self.flat or any(key in self._beside for key in lowered)

    def _take(self, fields: Fields, path: tuple[str, ...]) -> Any:
        first = path[0].lower()
        if first not in fields:
            return None
        self._taken.setdefault((id(fields), first), []).append(path)
        found = fields[first][1]
        for step in path[1:]:
            found = _field(found, step)
        return found

    def kept(self) -> Kept:
        """What was not read, where it stands in REST shape."""
        beside: dict[str, Any] = {}
        within: dict[str, Any] = {}
        for lowered, name, left in self._left(self._beside):
            home = within if self.flat and lowered not in BESIDE else beside
            home[name] = left
        if not self.flat:
            within = {name: left for _, name, left in self._left(self._within)}
        return Kept(beside, within)

    def _left(self, fields: Fields) -> Iterator[tuple[str, str, Any]]:
        """What is left of each field: its name in lower case, its name, and its value less what was read of it."""
        for lowered, (key, value) in fields.items():
            taken = self._taken.get((id(fields), lowered))
            if taken is None:
                yield lowered, key, value
            elif isinstance(value, Mapping) and all(len(path) > 1 for path in taken):
                left = value
                for path in taken:
                    left = _without(left, path[1:])
                if left:
                    yield lowered, taken[0][0], left


def _field(value: Any, key: str) -> Any:
    if not isinstance(value, Mapping):
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
        elif rest and isinstance(each, Mapping) and (inner := _without(each, rest)):
            left[first] = inner
    return left
