"""Short builders for image templates: `template({"distribute": []})` is a good one with that changed."""

from collections.abc import Mapping
from typing import Any

from emulator.model import arm
from emulator.model.image import ImageTemplate

SCOPE = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups"
TEMPLATE = f"{SCOPE}/rg-images/providers/Microsoft.VirtualMachineImages/imageTemplates/tpl"
IDENTITY = f"{SCOPE}/rg-images/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-aib"
PRINCIPAL = "65faf600-8477-4900-ba9e-48581cf29de8"
NETWORK = f"{SCOPE}/rg-network/providers/Microsoft.Network/virtualNetworks"
SUBNET = f"{NETWORK}/vnet/subnets/build"
CONTAINERS = f"{NETWORK}/vnet/subnets/aci"
IMAGE = f"{SCOPE}/rg-images/providers/Microsoft.Compute/images/out"
GOOD: Mapping[str, Any] = {
    "source": {
        "type": "PlatformImage",
        "publisher": "Canonical",
        "offer": "ubuntu",
        "sku": "22_04-lts",
        "version": "latest",
    },
    "customize": [{"type": "Shell", "name": "hello", "inline": ["echo hello"]}],
    "distribute": [{"type": "ManagedImage", "imageId": IMAGE, "location": "westeurope", "runOutputName": "out"}],
    "buildTimeoutInMinutes": 100,
    "vmProfile": {"vmSize": "Standard_D2ds_v4", "vnetConfig": {"subnetId": SUBNET}},
}
ABSENT: Any = object()
"""Takes a field away."""


def document(
    properties: Mapping[str, Any] | None = None, *, api: str = "2024-02-01", identities: int = 1, **beside: Any
) -> dict[str, Any]:
    """A good template's document, in REST shape, with some of its properties changed."""
    users = {f"{IDENTITY}{number or ''}": {"principalId": PRINCIPAL} for number in range(identities)}
    changed = {**GOOD, **(properties or {})}
    return {
        "id": TEMPLATE,
        "type": "Microsoft.VirtualMachineImages/imageTemplates",
        "location": "westeurope",
        **({"apiVersion": api} if api else {}),
        **({"identity": {"type": "UserAssigned", "userAssignedIdentities": users}} if users else {}),
        **beside,
        "properties": {key: value for key, value in changed.items() if value is not ABSENT},
    }


def loaded(raw: object) -> ImageTemplate:
    """The image template of a document."""
    (found,) = arm.load([("template.json", raw)]).resources
    assert isinstance(found, ImageTemplate)
    return found


def template(
    properties: Mapping[str, Any] | None = None, *, api: str = "2024-02-01", identities: int = 1, **beside: Any
) -> ImageTemplate:
    """A good template with some of its properties changed."""
    return loaded(document(properties, api=api, identities=identities, **beside))


def with_network(*, api: str = "2024-02-01", **network: Any) -> ImageTemplate:
    """A good template with this network."""
    return template({"vmProfile": {"vnetConfig": network}}, api=api)


def printed(properties: Mapping[str, Any] | None = None, *, identities: int = 1) -> ImageTemplate:
    """The same as the Azure CLI prints it: flattened, of no version."""
    raw = document(properties, api="", identities=identities)
    return loaded({**raw.pop("properties"), **raw})
