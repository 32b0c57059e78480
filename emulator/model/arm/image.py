"""How image templates are written: the network of the build in its two forms, identities, sizes (azure.md 1.5)."""

from collections.abc import Mapping
from typing import Any

from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import ID, TEXT, each
from emulator.model.arm.shape import Field, Shape
from emulator.model.arm.view import View
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate, NetworkConfig

CONFIG = Shape(
    NetworkConfig,
    (
        Field("subnet", "subnetId", ID),
        Field("container_subnet", "containerInstanceSubnetId", ID),
        Field("proxy_size", "proxyVmSize", TEXT),
        Field("name", "name", TEXT),
        Field("subnet_name", "subnetName", TEXT),
        Field("resource_group", "resourceGroupName", TEXT),
    ),
    properties=False,
)
OLD_NAME = "VirtualNetworkConfig"
"""What the first documentation called the object; `vnetConfig` since 2020-02-14."""
TYPE = "Microsoft.VirtualMachineImages/imageTemplates"


class Template:
    """How an image template is written: its `properties` are kept whole, for the rules about their spelling."""

    type = TYPE

    def read(self, raw: Mapping[str, Any], place: Place, identity: ResourceId) -> ImageTemplate | None:
        """The template of an object; None after findings."""
        before = len(place.lines)
        view = View(raw)
        profile = _object(view.within("vmProfile"), place.at("properties.vmProfile"))
        fields: dict[str, Any] = {
            "network": _network(view, profile, place.at("properties.vmProfile.vnetConfig")),
            "identities": _identities(view.beside("identity"), place.at("identity.userAssignedIdentities")),
            "build_identities": _ids(profile.within("userAssignedIdentities"), place.at("userAssignedIdentities")),
            "vm_size": _text(profile.within("vmSize"), place.at("properties.vmProfile.vmSize")),
            "staging_group": _id(view.within("stagingResourceGroup"), place.at("properties.stagingResourceGroup")),
            "location": _text(view.beside("location"), place.at("location")) or "westeurope",
            "api_version": _text(view.beside("apiVersion"), place.at("apiVersion")),
        }
        if len(place.lines) > before:
            return None
        own = View(raw)
        for key in ("id", "name", "type", "location", "apiVersion"):
            own.beside(key)
        kept = own.kept()
        return ImageTemplate(identity, **fields, strict=not view.flat, properties=kept.within, kept=kept)

    def write(self, value: ImageTemplate) -> dict[str, Any]:
        """The object of a template, in REST shape."""
        identity = {"id": value.id.text, "name": value.id.name, "type": TYPE, "location": value.location}
        api = {"apiVersion": value.api_version} if value.api_version else {}
        ours = {one.text: {"principalId": principal} if principal else {} for one, principal in value.identities}
        users = {"identity": {"type": "UserAssigned", "userAssignedIdentities": ours}} if ours else {}
        return {**identity, **api, **users, **value.kept.beside, "properties": _properties(value)}

    def references(self, value: ImageTemplate) -> list[tuple[str, ResourceId]]:
        """The subnets that the build needs."""
        network = value.network or NetworkConfig()
        fields = {"subnetId": network.subnet, "containerInstanceSubnetId": network.container_subnet}
        return [(key, found) for key, found in fields.items() if found is not None]

    def written(self, raw: Mapping[str, Any]) -> bool:
        """Whether an object says anything of a template but its name."""
        return View(raw).has(["source", "vmProfile", "customize", "distribute"])


def _properties(value: ImageTemplate) -> dict[str, Any]:
    """The template's own words, completed by what was not read from them."""
    found = dict(value.properties)
    if found:
        return found
    profile: dict[str, Any] = {"vnetConfig": CONFIG.write(value.network)} if value.network else {}
    profile |= {"vmSize": value.vm_size} if value.vm_size else {}
    profile |= (
        {"userAssignedIdentities": [one.text for one in value.build_identities]} if value.build_identities else {}
    )
    staging = {"stagingResourceGroup": value.staging_group.text} if value.staging_group else {}
    return {**({"vmProfile": profile} if profile else {}), **staging}


def _object(found: Any, place: Place) -> View:
    if found is not None and not isinstance(found, Mapping):
        place.wrong(found, "an object")
    return View(found if isinstance(found, Mapping) else {})


def _network(template: View, profile: View, place: Place) -> NetworkConfig | None:
    named = (profile.within("vnetConfig"), profile.within(OLD_NAME), template.within(OLD_NAME))
    found = next((each_ for each_ in named if each_ is not None), None)
    if found is None:
        return None
    if not isinstance(found, Mapping):
        place.wrong(found, "an object")
        return None
    # An empty name is how people leave a field of a quick start template unset; proxyVmSize has a meaning for it.
    words = {key: value for key, value in found.items() if value != "" or key.lower() == "proxyvmsize"}
    return CONFIG.read(words, place) if words else None


def _identities(found: Any, place: Place) -> tuple[tuple[ResourceId, str], ...]:
    users = View(found).beside("userAssignedIdentities") if isinstance(found, Mapping) else None
    if users is None:
        return ()
    if not isinstance(users, Mapping):
        place.wrong(users, "an object whose keys are the IDs of identities")
        return ()
    principals = {key: View(value if isinstance(value, Mapping) else {}) for key, value in users.items()}
    return tuple((ResourceId(key), str(view.beside("principalId") or "")) for key, view in principals.items())


def _text(found: Any, place: Place) -> str:
    return (TEXT.read(found, place) or "") if found is not None else ""


def _id(found: Any, place: Place) -> ResourceId | None:
    return ID.read(found, place) if found else None


def _ids(found: Any, place: Place) -> tuple[ResourceId, ...]:
    return (each(ID).read(found, place) or ()) if found else ()
