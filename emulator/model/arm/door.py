"""Load documents as resources, and write resources as documents."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.errors import InvalidInputError
from emulator.model.arm import balancer, compute, image, network, privatelink, security
from emulator.model.arm.documents import RESOURCE, Raw, merged, part_of, resources
from emulator.model.arm.findings import Place, printable
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.resources import Other, Resource


class Written(Protocol):
    """How a type of resource is written."""

    @property
    def type(self) -> str: ...

    def read(self, raw: Mapping[str, Any], place: Place, identity: ResourceId) -> Any: ...

    def write(self, value: Any) -> dict[str, Any]: ...

    def references(self, value: Any) -> Iterable[tuple[str, ResourceId]]: ...

    def written(self, raw: Mapping[str, Any]) -> bool: ...


SHAPES: tuple[Written, ...] = (
    network.VIRTUAL_NETWORK,
    security.GROUP,
    security.APPLICATION_GROUP,
    security.ADMIN_RULE,
    network.ROUTE_TABLE,
    network.INTERFACE,
    network.PUBLIC_IP,
    network.SERVICE_TAGS,
    balancer.BALANCER,
    privatelink.SERVICE,
    privatelink.ENDPOINT,
    compute.MACHINE,
    compute.ROLE_DEFINITION,
    compute.ROLE_ASSIGNMENT,
    image.Template(),
)
BY_TYPE = {shape.type.lower(): shape for shape in SHAPES}
# The API's own examples of 2019 spell the type so.
BY_TYPE["microsoft.virtualmachineimages/imagetemplate"] = BY_TYPE["microsoft.virtualmachineimages/imagetemplates"]
UNREAD = frozenset({"microsoft.network/natgateways", "microsoft.managedidentity/userassignedidentities"})
"""Types of which the ID alone matters."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What documents hold.

    Attributes:
        resources: in the order of the documents; of two with one ID the later.
        warnings: what was found that changes nothing by itself, a sentence each.
    """

    resources: tuple[Resource, ...]
    warnings: tuple[str, ...] = ()


def load(documents: Iterable[tuple[str, object]], over: Iterable[Resource] = ()) -> Loaded:
    """The resources in documents, each a pair of its name and its JSON value (`load_json` makes it of text).

    A part that stands alone (a subnet, a rule, a route) is put into its whole, from the documents or from `over`.

    Raises:
        InvalidInputError: with one line for each finding; nothing is loaded then.
    """
    raws, found_in = _read(documents)
    found: dict[ResourceId, Resource] = {}
    warnings: list[str] = []
    for raw in merged([*_wholes(raws, over), *raws]):
        resource = _resource(raw, warnings)
        if resource is not None and found.get(resource.id, resource) != resource:
            again = f"{printable(raw.place.document)}: {printable(raw.id.text)}"
            warnings.append(f"{again}: stands there twice with different content; this one, the later, counts")
        found |= {resource.id: resource} if resource else {}
    if any(found_in):
        raise InvalidInputError("\n".join(line for lines in found_in for line in lines))
    return Loaded(tuple(found.values()), tuple(dict.fromkeys(warnings)))


def _read(documents: Iterable[tuple[str, object]]) -> tuple[list[Raw], list[list[str]]]:
    """What documents hold, and the findings about each; an empty list is one where there is nothing beside it."""
    raws: list[Raw] = []
    found_in: list[list[str]] = []
    empty: list[tuple[Place, object]] = []
    for document, value in documents:
        found_in.append([])
        own = list(resources(document, value, found_in[-1]))
        raws += own
        empty += [] if own else [(Place(document, "document", lines=found_in[-1]), value)]
    if not raws and not any(found_in):
        for place, value in empty:
            place.wrong(value, RESOURCE)
    return raws, found_in


def _wholes(raws: Iterable[Raw], over: Iterable[Resource]) -> list[Raw]:
    """What parts among the documents belong to and the documents lack; a finding there is about the part."""
    here = {raw.id for raw in raws}
    wanted = {raw.id.parent: raw.place for raw in raws if part_of(raw.id) and raw.id.parent not in here}
    return [Raw(each.id, dump(each), wanted[each.id].of(each.id.text)) for each in over if each.id in wanted]


def _resource(raw: Raw, warnings: list[str]) -> Resource | None:
    shape = BY_TYPE.get(raw.id.type)
    if shape is None:
        if raw.id.type not in UNREAD:
            warnings.append(f"{printable(raw.place.document)}: {printable(raw.id.text)}: {_unused(raw.id)}")
        return Other(raw.id, raw.value)
    keys = {key.lower(): value for key, value in raw.value.items()}
    if keys.get("properties") is not None and not isinstance(keys["properties"], Mapping):
        raw.place.at("properties").wrong(keys["properties"], "an object (REST shape)")
        return None
    if not shape.written(raw.value):
        raw.place.at("properties").wrong(None, "an object (REST shape), or its fields beside `id` (Azure CLI)")
        return None
    found: Resource | None = shape.read(raw.value, raw.place, raw.id)
    return found


def _unused(identity: ResourceId) -> str:
    if part_of(identity):
        return f"stands alone, without {printable(identity.parent.name)}, and is not used"
    return f"no decision reads resources of type {printable(identity.type)}; it is kept as it is"


def dump(resource: Resource) -> dict[str, Any]:
    """A resource in REST shape; `load` reads it back as the same value."""
    if isinstance(resource, Other):
        return {**resource.raw, "id": resource.id.text}
    return BY_TYPE[_TYPES[type(resource)]].write(resource)


def references(resource: Resource) -> Iterator[tuple[str, ResourceId]]:
    """The fields of a resource that refer to others, and to which."""
    if not isinstance(resource, Other):
        yield from BY_TYPE[_TYPES[type(resource)]].references(resource)


_TYPES: dict[type, str] = {
    **{shape.make: shape.type.lower() for shape in SHAPES if hasattr(shape, "make")},
    ImageTemplate: image.TYPE.lower(),
}
