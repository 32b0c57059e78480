"""One JSON object of Azure's, whatever tool printed it: by REST's names, without case, flattened or not.

REST, the portal and `az rest` print `properties`; the Azure CLI's own commands print the same fields beside `id`
and `name`; PowerShell prints them so, too, in PascalCase (azure.md 2.1).
"""

from collections.abc import Iterable, Iterator, Mapping
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


class View:
    """The fields of an object, by REST's names; fields that are read are no longer left."""

    __slots__ = ("_beside", "_folded", "_taken", "_within", "flat")

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self._folded: dict[int, dict[str, str]] = {}
        self._taken: dict[tuple[int, str], list[tuple[str, ...]]] = {}
        self._beside = raw
        name = self._name(raw, "properties")
        properties = raw[name] if name is not None else None
        self.flat = not isinstance(properties, Mapping)
        self._within = raw
        if name is not None and isinstance(properties, Mapping):
            self._beside = {key: value for key, value in raw.items() if key != name}
            self._within = properties

    def _name(self, fields: Mapping[str, Any], key: str) -> str | None:
        """How a field is spelled here: most are as REST spells them, and only else their cases are compared."""
        if key in fields:
            return key
        folded = self._folded.get(id(fields))
        if folded is None:
            folded = self._folded[id(fields)] = {each.lower(): each for each in fields}
        return folded.get(key.lower())

    def beside(self, key: str) -> Any:
        """The value of a field beside `properties`, as `sku.name`; None for none."""
        return self._take(self._beside, key)

    def within(self, key: str) -> Any:
        """The value of a field within `properties`, as `addressSpace.addressPrefixes`; None for none."""
        return self._take(self._within, key)

    def has(self, keys: Iterable[str]) -> bool:
        """Whether it has `properties`, or any of these fields."""
        return not self.flat or any(self._name(self._beside, key.partition(".")[0]) is not None for key in keys)

    def _take(self, fields: Mapping[str, Any], key: str) -> Any:
        path = tuple(key.split(".")) if "." in key else (key,)
        name = self._name(fields, path[0])
        if name is None:
            return None
        self._taken.setdefault((id(fields), name), []).append(path)
        found = fields[name]
        for step in path[1:]:
            found = _field(found, step)
        return found

    def kept(self) -> Kept:
        """What was not read, where it stands in REST shape."""
        beside: dict[str, Any] = {}
        within: dict[str, Any] = {}
        for name, left in self._left(self._beside):
            home = within if self.flat and name.lower() not in BESIDE else beside
            home[name] = left
        if not self.flat:
            within = dict(self._left(self._within))
        return Kept(beside, within) if beside or within else NOTHING

    def _left(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """What is left of each field: its name, and its value less what was read of it."""
        for key, value in fields.items():
            taken = self._taken.get((id(fields), key))
            if taken is None:
                yield key, value
            elif isinstance(value, Mapping) and all(len(path) > 1 for path in taken):
                left = value
                for path in taken:
                    left = _without(left, path[1:])
                if left:
                    yield taken[0][0], left


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
