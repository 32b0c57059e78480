"""How a kind of resource is written: a table of its fields, read and written from the same lines."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Generic, TypeVar

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import Kind, each
from emulator.model.arm.view import OBJECT, View
from emulator.model.ids import ResourceId

T = TypeVar("T")
ABSENT: Any = object()
"""What reading a field that is not there gives."""
UNWRITTEN = (None, "", (), False)
"""Values that are left out, where the field's default is the same."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: the attribute of the value, the key in REST, and the kind of its value.

    Attributes:
        key: within `properties`, as `addressSpace.addressPrefixes`.
        beside: whether it stands beside `properties`.
        plural: the key of the list where `key` holds one value alone, as `addressPrefixes` to `addressPrefix`.
        required: whether a finding is due where it is absent.
        absent: the value where it is absent; the type's own default without it.
        older: further keys that it may have, in order.
        lossy: whether its kind reads less than there is; what was there is written back as long as the value is the
            one that was read from it.
    """

    name: str
    key: str
    kind: Kind[Any]
    beside: bool = False
    plural: str = ""
    required: bool = False
    absent: Any = ABSENT
    older: tuple[str, ...] = ()
    lossy: bool = False

    @property
    def keys(self) -> Sequence[str]:
        """Every key that it may have."""
        return (self.key, *self.older, *((self.plural,) if self.plural else ()))

    def read(self, view: View, place: Place) -> Any:
        """The value at a place; ABSENT where it is absent, None after a finding."""
        if self.plural:
            return self._read_plural(view, place)
        for key in (self.key, *self.older):
            found = view.beside(key) if self.beside else view.within(key)
            if found is not None:
                return self.kind.read(found, place.at(key))
        if self.required:
            place.at(self.key).wrong(None, "a value")
            return None
        return ABSENT

    def _read_plural(self, view: View, place: Place) -> Any:
        """The singular field and the plural one, joined; PowerShell writes a list in the singular one."""
        one, many = view.within(self.key), view.within(self.plural)
        if isinstance(one, str) and one and not many and not isinstance(many, str):
            value = self.kind.read(one, place.at(self.key))
            return None if value is None else (value,)
        found = [] if one in (None, "", []) else one if isinstance(one, list) else [one]
        if many is not None and not isinstance(many, list):
            place.at(self.plural).wrong(many, "a list")
            return None
        found = [*found, *(item for item in many or [] if item not in found)]
        if not found:
            if self.required:
                place.at(f"{self.key} or {self.plural}").wrong(None, "a value")
                return None
            return ABSENT
        return _list_of(self.kind).read(found, place.at(self.key if one not in (None, "", []) else self.plural))

    def write(self, value: Any, raw: dict[str, Any]) -> None:
        """Put the value into an object, at its path."""
        if self.plural and not value:
            return
        if self.plural:
            one = len(value) == 1
            raw[self.key if one else self.plural] = (
                self.kind.write(value[0]) if one else [self.kind.write(item) for item in value]
            )
            return
        self.put(self.kind.write(value), raw)

    def put(self, written: Any, raw: dict[str, Any]) -> None:
        """Put what is written already into an object, at its path."""
        *way, last = self.key.split(".")
        for step in way:
            raw[step] = raw = dict(raw.get(step) or {})
        raw[last] = written


@dataclass(frozen=True, slots=True)
class Shape(Generic[T]):
    """How values of one type are written.

    Attributes:
        make: the type.
        fields: its fields, but for its identity and what is kept.
        type: the full resource type; empty for parts of a resource.
        check: more findings about a value that was read, each told to the place.
        properties: whether REST has `properties`; parts such as permissions have not.
    """

    make: type[T]
    fields: tuple[Field, ...]
    type: str = ""
    check: Callable[[T, Place], None] | None = None
    properties: bool = True

    def read(self, raw: Mapping[str, Any], place: Place, identity: ResourceId | None = None) -> T | None:
        """The value of an object; None after findings. `identity` is its ID, for types that have one."""
        before = len(place.lines)
        view = View(raw)
        values: dict[str, Any] = {}
        originals: dict[str, tuple[object, object]] = {}
        for field in self.fields:
            found = field.read(view, place)
            if field.lossy and found is not ABSENT:
                originals[field.name] = found, view.within(field.key)
            found = field.absent if found is ABSENT else found
            if found is not ABSENT:
                values[field.name] = found
        self._identify(values, view, identity)
        for own in ("properties", "type"):
            view.beside(own)
        if len(place.lines) > before:
            return None
        if "kept" in _attributes(self.make):
            kept = view.kept()
            values["kept"] = replace(kept, originals=originals) if originals else kept
        value = self.make(**values)
        if self.check:
            self.check(value, place)
        return value if len(place.lines) == before else None

    def _identify(self, values: dict[str, Any], view: View, identity: ResourceId | None) -> None:
        """Add the ID, or for parts without one the name."""
        names = _attributes(self.make)
        written, name = view.beside("id"), view.beside("name")
        if "id" in names:
            values["id"] = identity
        elif "name" in names and not self._reads_name():
            values["name"] = name if isinstance(name, str) else str(written or "").rpartition("/")[2]

    def _reads_name(self) -> bool:
        return any(field.name == "name" for field in self.fields)

    def write(self, value: T) -> dict[str, Any]:
        """The object of a value, in REST shape."""
        kept = getattr(value, "kept", None)
        inner: dict[str, Any] = dict(kept.within) if kept else {}
        outer: dict[str, Any] = dict(kept.beside) if kept else {}
        for field in self.fields:
            found = getattr(value, field.name)
            if field.required or not _is_unwritten(found, _default(self.make, field.name)):
                original = kept.originals.get(field.name) if kept else None
                if original is not None and original[0] == found:
                    field.put(original[1], inner)
                else:
                    field.write(found, outer if field.beside else inner)
        head = self._head(value)
        return {**head, **outer, "properties": inner} if self.properties else {**head, **outer, **inner}

    def _head(self, value: Any) -> dict[str, Any]:
        names = _attributes(self.make)
        if "id" in names:
            return {"id": value.id.text, "name": value.id.name, **({"type": self.type} if self.type else {})}
        own = "name" in names and not self._reads_name()
        return {"name": value.name} if own else {}

    def references(self, value: T) -> Iterator[tuple[str, ResourceId]]:
        """The fields of a value that refer to resources, and to which."""
        for field in self.fields:
            found = getattr(value, field.name)
            for one in found if field.plural else () if found is None else (found,):
                yield from ((field.key, reference) for reference in field.kind.references(one))

    def written(self, raw: Mapping[str, Any]) -> bool:
        """Whether an object says anything of such a resource but its name."""
        return View(raw).has(["location", *(key for field in self.fields for key in field.keys)])


@cache
def _list_of(kind: Kind[Any]) -> Kind[Any]:
    """Lists of a kind: the kinds are those of the tables."""
    return each(kind)


def _is_unwritten(value: Any, default: Any) -> bool:
    """Whether a value says nothing: 0 does, though it equals False."""
    return type(value) is not int and value in UNWRITTEN and value == default


def _attributes(make: type) -> frozenset[str]:
    return _known(make)[0]


def _default(make: type, name: str) -> Any:
    return _known(make)[1].get(name, ABSENT)


_KNOWN: dict[type, tuple[frozenset[str], dict[str, Any]]] = {}


def _known(make: Any) -> tuple[frozenset[str], dict[str, Any]]:
    """The attributes of a type and their defaults; looked up once."""
    if make not in _KNOWN:
        found = fields(make)
        _KNOWN[make] = frozenset(each.name for each in found), {each.name: each.default for each in found}
    return _KNOWN[make]


def parts(
    collection: str, shape: Shape[T], *, within: str = "", check: Callable[[Sequence[T], Place], None] | None = None
) -> Kind[tuple[T, ...]]:
    """A list of parts of a resource, each with a name, and an ID below its parent's.

    Each part's findings are told of `PARENT/collection/NAME`; `check` adds more about those that could be read, told
    to the place of the parent, so that all is said at once.
    """
    collection_name = within or collection

    def read(found: Any, place: Place) -> tuple[T, ...] | None:
        if not isinstance(found, list):
            place.wrong(found, "a list")
            return None
        before = len(place.lines)
        values = [value for index, raw in enumerate(found) if (value := _part(raw, place.item(index))) is not None]
        if check:
            check(values, place.of(place.resource))
        return tuple(values) if len(place.lines) == before else None

    def _part(raw: Any, place: Place) -> T | None:
        keys = {key.lower(): value for key, value in raw.items()} if isinstance(raw, OBJECT) else {}
        identity, name = keys.get("id"), keys.get("name")
        name = name if isinstance(name, str) else str(identity).rpartition("/")[2] if identity else None
        if not isinstance(raw, OBJECT) or not name or "/" in name or not name.isprintable():
            place.wrong(raw, "an object with a `name`")
            return None
        own = ResourceId(place.resource).child(collection_name, name)
        right = isinstance(identity, str) and ResourceId(identity) == own
        return shape.read(raw, place.of(own.text), ResourceId(str(identity)) if right else own)

    def write(values: Iterable[T]) -> list[Any]:
        return [shape.write(value) for value in values]

    def references(values: Iterable[T]) -> Iterable[ResourceId]:
        return [found for value in values for _, found in shape.references(value)]

    return Kind(read, write, references)


def plain(shape: Shape[T]) -> Kind[tuple[T, ...]]:
    """A list of objects without names or `properties`."""

    def read(found: Any, place: Place) -> tuple[T, ...] | None:
        if not isinstance(found, list) or not all(isinstance(raw, Mapping) for raw in found):
            place.wrong(found, "a list of objects")
            return None
        values = [shape.read(raw, place.item(index)) for index, raw in enumerate(found)]
        return tuple(value for value in values if value is not None) if None not in values else None

    return Kind(read, lambda values: [shape.write(value) for value in values])
