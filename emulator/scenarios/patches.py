"""Small changes of a world, on its resources in REST shape: the resources that are then to be applied. Pure."""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from emulator.errors import InvalidInputError
from emulator.model.default_world import BUILD_GROUP
from emulator.scenarios.patch import Patch, PlacePatch, RoutePatch, RulePatch, SetPatch

Document = dict[str, Any]


def changed(resources: Sequence[Mapping[str, Any]], patches: Iterable[Patch]) -> list[Document]:
    """The resources that patches change or add, whole.

    Args:
        resources: of the world, in REST shape.
        patches: one after the other.

    Raises:
        InvalidInputError: a patch names what is not there.
    """
    world = _World([copy.deepcopy(dict(each)) for each in resources])
    for patch in patches:
        VERBS[patch.verb](world, patch.value)
    return world.touched


class _World:
    """Documents by their names, and those that were changed."""

    def __init__(self, documents: list[Document]) -> None:
        self.documents = {str(each["name"]): each for each in documents}
        self._touched: list[str] = []

    @property
    def touched(self) -> list[Document]:
        return [self.documents[name] for name in dict.fromkeys(self._touched)]

    def take(self, name: str) -> Document:
        if name not in self.documents:
            known = ", ".join(self.documents)
            raise InvalidInputError(f"resource: found {name!r}, expected one of this world: {known}")
        self._touched.append(name)
        return self.documents[name]

    def add(self, document: Document) -> None:
        name = str(document.get("name") or str(document.get("id", "")).rpartition("/")[2])
        self.documents[name] = document
        self._touched.append(name)


def _rule(world: _World, patch: RulePatch) -> None:
    rules = _rules(world, patch.group)
    rules[:] = [each for each in rules if each["name"] != patch.name]
    properties = {
        "priority": patch.priority,
        "access": patch.access,
        "direction": patch.direction,
        "protocol": patch.protocol,
        "sourcePortRange": "*",
        **_one_or_many("sourceAddressPrefix", "sourceAddressPrefixes", patch.source),
        **_one_or_many("destinationAddressPrefix", "destinationAddressPrefixes", patch.to),
        **_one_or_many("destinationPortRange", "destinationPortRanges", patch.ports),
    }
    rules.append({"name": patch.name, "properties": properties})


def _rules(world: _World, group: str) -> list[Document]:
    rules: list[Document] = world.take(group)["properties"].setdefault("securityRules", [])
    return rules


def _one_or_many(one: str, many: str, text: str) -> Document:
    values = [each.strip() for each in text.split(",")]
    return {one: values[0]} if len(values) == 1 else {many: values}


def _remove_rule(world: _World, name: str) -> None:
    rules = _rules(world, BUILD_GROUP.name)
    if name not in {each["name"] for each in rules}:
        raise InvalidInputError(f"remove_rule: found {name!r}, expected one of {', '.join(_names(rules))}")
    rules[:] = [each for each in rules if each["name"] != name]


def _names(items: Iterable[Mapping[str, Any]]) -> list[str]:
    return [str(each.get("name")) for each in items]


def _route(world: _World, patch: RoutePatch) -> None:
    network = world.take(patch.network)
    name = f"routes-{patch.subnet}"
    identity = str(network["id"]).partition("/virtualNetworks/")[0] + f"/routeTables/{name}"
    if name not in world.documents:
        world.add(
            {"id": identity, "name": name, "type": "Microsoft.Network/routeTables", "properties": {"routes": []}}
        )
    properties = {"addressPrefix": patch.prefix, "nextHopType": patch.next_hop}
    if patch.address:
        properties["nextHopIpAddress"] = patch.address
    routes = world.take(name)["properties"]["routes"]
    routes.append({"name": f"route-{len(routes) + 1}", "properties": properties})
    for subnet in _found(network, f"subnets[{patch.subnet}]"):
        subnet["properties"]["routeTable"] = {"id": identity}


def _set(world: _World, patch: SetPatch) -> None:
    _at(world, patch, lambda holder, key: holder.__setitem__(key, patch.value))


def _remove(world: _World, patch: PlacePatch) -> None:
    def take_out(holder: Document, key: str) -> None:
        if key not in holder:
            raise InvalidInputError(
                f"path: found {patch.path!r}, expected one of {patch.resource}: {', '.join(holder)}"
            )
        del holder[key]

    _at(world, patch, take_out)


def _at(world: _World, patch: PlacePatch, act: Callable[[Document, str], None]) -> None:
    """Act at every place that a path means; a list's element is replaced within its list."""
    document = world.take(patch.resource)
    above, _, last = patch.path.rpartition(".")
    key, selector = _part(last)
    for holder in list(_found(document, above)) if above else [document]:
        inner = _within(holder, key)
        if selector is None:
            act(inner, key)
            continue
        kept = [each for each in inner.get(key, []) if selector not in ("*", each.get("name"))]
        if len(kept) == len(inner.get(key, [])):
            raise InvalidInputError(f"path: found {patch.path!r}, expected one of {_names(kept)}")
        inner[key] = kept + ([patch.value] if isinstance(patch, SetPatch) else [])


def _found(document: Document, path: str) -> Iterator[Document]:
    """The objects that a path means; `properties` may be left out, and a list is chosen from by name or `*`."""
    part, _, rest = path.partition(".")
    key, selector = _part(part)
    inner = _within(document, key).get(key)
    items = inner if isinstance(inner, list) else [inner] if isinstance(inner, dict) else []
    chosen = [each for each in items if selector in (None, "*", each.get("name"))]
    if not chosen:
        names = ", ".join(_names(items)) or ", ".join(_within(document, key))
        raise InvalidInputError(f"path: found {part!r}, expected one of {names}")
    for each in chosen:
        yield from _found(each, rest) if rest else [each]


def _part(text: str) -> tuple[str, str | None]:
    """A key, and what is chosen from the list that stands there."""
    key, _, rest = text.partition("[")
    return key, rest.removesuffix("]") or None


def _within(holder: Document, key: str) -> Document:
    """Where a key of an object stands: beside `properties`, or in it."""
    inner = holder.get("properties")
    return inner if isinstance(inner, dict) and key not in holder else holder


def _resource(world: _World, document: Document) -> None:
    world.add(copy.deepcopy(document))


VERBS: dict[str, Callable[[_World, Any], None]] = {
    "rule": _rule,
    "remove_rule": _remove_rule,
    "route": _route,
    "set": _set,
    "remove": _remove,
    "resource": _resource,
}
