"""What one JSON document holds: resources, whatever is wrapped around them.

A document is a resource, a list of resources, a page with `value`, an example of the API (the resource stands under
`responses.…body`), a deployment template or an exported one (`resources`), or what `world show` printed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.errors import InvalidInputError
from emulator.model.arm import powershell
from emulator.model.arm.findings import Place
from emulator.model.ids import SUBSCRIPTION, ResourceId

MAX_DOCUMENT_BYTES = 64 * 1024 * 1024
"""Service tags alone are over ten megabytes."""
RESOURCE = "a resource, a list of resources or a page with `value`"
TOLD_APART = "a name that nothing else of its type has here"
IDENTITY = re.compile(r"(/[^/]+)*/providers/[^/]+(/[^/]+/[^/]+)+/?", re.IGNORECASE)
PARTS = {
    "microsoft.network/virtualnetworks": ("subnets", "virtualNetworkPeerings"),
    "microsoft.network/networksecuritygroups": ("securityRules",),
    "microsoft.network/routetables": ("routes",),
    "microsoft.network/loadbalancers": (
        "frontendIPConfigurations",
        "backendAddressPools",
        "probes",
        "loadBalancingRules",
        "inboundNatRules",
        "outboundRules",
    ),
    "microsoft.network/privatelinkservices": ("privateEndpointConnections",),
}
"""Parts of resources that Azure also prints alone, by the type of the whole."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A resource as it stands in a document, with the ID that it has or gets, and its place."""

    id: ResourceId
    value: Mapping[str, Any]
    place: Place


def load_json(document: str, text: str | bytes) -> object:
    """The JSON value of a document named `document`.

    Raises:
        InvalidInputError: it is not JSON, or too large.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        raise InvalidInputError(f"{document}: {len(text)} bytes, at most {MAX_DOCUMENT_BYTES} are read")
    try:
        # Windows PowerShell's `>` writes UTF-16, and its Set-Content a byte order mark.
        content = text if isinstance(text, str) else text.decode(json.detect_encoding(text))
        return json.loads(content.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{document}: not JSON: {error}") from None


def resources(document: str, value: object, lines: list[str]) -> Iterator[Raw]:
    """Each resource of a document; findings go to `lines`."""
    place = Place(document, lines=lines)
    made: set[ResourceId] = set()
    for raw, hints in _unwrapped(value, {}):
        resource = _identified(raw, hints, place)
        if resource is None:
            continue
        if resource.id in made:
            resource.place.at("name").wrong(resource.value.get("name"), TOLD_APART)
        elif "id" not in resource.value:
            made.add(resource.id)
        yield resource


Hints = Mapping[str, Any]


def _unwrapped(value: object, hints: Hints) -> Iterator[tuple[object, Hints]]:
    """The resources within a value, each with what the wrapping says of it; wrappers may be nested at any depth."""
    left = _items(value, hints)
    while left:
        item, said = left.pop()
        keys = {key.lower(): each for key, each in item.items()} if isinstance(item, Mapping) else {}
        inner = _inner(keys)
        if inner is None:
            yield item, said
        else:
            left += _items(inner, {**said, **_said(keys)})


def _items(value: object, hints: Hints) -> list[tuple[object, Hints]]:
    """The items of a list, or a value alone, the last one first; a list within a list is nobody's form."""
    return [(item, hints) for item in reversed(value if isinstance(value, list) else [value])]


def _inner(keys: Mapping[str, Any]) -> object:
    """What a wrapper holds; None for what is no wrapper."""
    if "id" not in keys and isinstance(keys.get("value"), list):
        return keys["value"]
    if isinstance(keys.get("responses"), Mapping):
        return _body(keys["responses"])
    if "$schema" in keys and isinstance(keys.get("resources"), list):
        return keys["resources"]
    return None


def _body(responses: Mapping[str, Any]) -> object:
    """The resource that the API's example answers with."""
    bodies = [answer.get("body") for answer in responses.values() if isinstance(answer, Mapping)]
    return next((body for body in bodies if body is not None), None)


def _said(keys: Mapping[str, Any]) -> Hints:
    """The API version that an example names."""
    parameters = keys.get("parameters")
    version = parameters.get("api-version") if isinstance(parameters, Mapping) else None
    return {"apiVersion": version} if isinstance(version, str) else {}


def _identified(raw: object, hints: Hints, place: Place) -> Raw | None:
    """A resource with its ID: written, or made of its type and name where it is a template to be deployed."""
    if not isinstance(raw, Mapping):
        place.of("document").wrong(raw, RESOURCE)
        return None
    raw = powershell.as_rest(raw)
    keys = {key.lower(): each for key, each in raw.items()}
    identity = _written_id(keys) or _made_id(keys, place)
    if identity is None:
        place.at("id").wrong(keys.get("id"), "the ID of a resource, or its `type` and `name`")
        return None
    if identity.type.endswith("/roledefinitions"):
        identity = ResourceId(powershell.ROLES + identity.name)
    value = {**hints, **raw} if hints and "apiversion" not in keys else raw
    return Raw(identity, value, place.of(identity.text))


def _written_id(keys: Mapping[str, Any]) -> ResourceId | None:
    found = keys.get("id")
    written = isinstance(found, str) and found.isprintable() and IDENTITY.fullmatch(found)
    return ResourceId(str(found)) if written else None


def _made_id(keys: Mapping[str, Any], place: Place) -> ResourceId | None:
    kind, name = keys.get("type"), keys.get("name")
    if "id" in keys and keys["id"] is not None:
        return None
    if isinstance(keys.get("values"), list) and "cloud" in keys:  # the weekly file of service tags has no ID
        kind, name = "Microsoft.Network/serviceTags", str(keys["cloud"])
    if kind in (None, "Microsoft.VirtualMachineImages") and _is_template(keys):
        kind = "Microsoft.VirtualMachineImages/imageTemplates"
    if not isinstance(kind, str) or not re.fullmatch(r"[A-Za-z.]+/[A-Za-z]+", kind):
        return None
    stem = place.document.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    known = isinstance(name, str) and bool(re.fullmatch(r"[\w.-]+", name))
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/template/providers"
    return ResourceId(f"{group}/{kind}/{name if known else stem or 'template'}")


def _is_template(keys: Mapping[str, Any]) -> bool:
    """Whether this is the body of an image template, as the quick starts keep it in files."""
    properties = keys.get("properties")
    return isinstance(properties, Mapping) and {"source", "distribute"} <= {key.lower() for key in properties}


def merged(found: list[Raw]) -> list[Raw]:
    """Parts that stand alone (a subnet, a rule) put into their wholes, where those are here too."""
    result, joined = list(found), set()
    wholes = {raw.id: index for index, raw in enumerate(found)}
    for index, raw in enumerate(found):
        collection, whole = part_of(raw.id), wholes.get(raw.id.parent)
        if collection is not None and whole is not None:
            into = result[whole]
            result[whole] = Raw(into.id, _with_part(into.value, collection, raw), into.place)
            joined.add(index)
    return [raw for index, raw in enumerate(result) if index not in joined]


def part_of(identity: ResourceId) -> str | None:
    """The collection of its whole that a part stands in; None for what is no part."""
    whole, _, last = identity.type.rpartition("/")
    return next((name for name in PARTS.get(whole, ()) if name.lower() == last), None)


def _with_part(whole: Mapping[str, Any], collection: str, part: Raw) -> Mapping[str, Any]:
    """A resource with one part laid over the one of its name."""
    home = next((key for key in whole if key.lower() == "properties" and isinstance(whole[key], Mapping)), None)
    holder = dict(whole[home]) if home else dict(whole)
    key = next((each for each in holder if each.lower() == collection.lower()), collection)
    before = holder[key] if isinstance(holder.get(key), list) else []
    name = part.id.name.lower()
    holder[key] = [each for each in before if _name(each) != name] + [{"name": part.id.name, **part.value}]
    return {**whole, home: holder} if home else holder


def _name(item: Any) -> str:
    keys = {key.lower(): each for key, each in item.items()} if isinstance(item, Mapping) else {}
    return str(keys.get("name") or str(keys.get("id") or "").rpartition("/")[2]).lower()
