"""Azure's own templates, as they stand and with their places filled in, and a mirror of what they name."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.build.sources import Mirror
from emulator.model.default_world import BUILD_SUBNET
from emulator.model.ids import SUBSCRIPTION

DATA = Path(__file__).parent / "data"
AZURE = DATA / "azure"
STARTS = "https://raw.githubusercontent.com/danielsollondon/azvmimagebuilder/master/"
MIRROR = Mirror(STARTS, DATA / "mirror")
SCOPE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/images/providers"
VALUES: Mapping[str, str] = {
    "subscriptionID": SUBSCRIPTION,
    "subscription-id": SUBSCRIPTION,
    "rgName": "images",
    "region": "westeurope",
    "region1": "westeurope",
    "region2": "northeurope",
    "imageName": "img",
    "srcImageName": "src",
    "runOutputName": "out",
    "imgBuilderId": f"{SCOPE}/Microsoft.ManagedIdentity/userAssignedIdentities/aib",
    "sharedImageGalName": "gallery",
    "acgName": "gallery",
    "imageDefName": "definition",
    "sigDefImgVersionId": f"{SCOPE}/Microsoft.Compute/galleries/gallery/images/definition/versions/1.0.0",
    "scriptUrl": f"{STARTS}quickquickstarts/customizeScript.sh",
    "vnetRgName": BUILD_SUBNET.resource_group,
    "vnetName": BUILD_SUBNET.parent.name,
    "subnetName": BUILD_SUBNET.name,
    "imageTemplateName": "tpl",
    "api-version": "2020-02-14",
    "svclocation": "westeurope",
    "managedImageResGroupId": f"{SCOPE}/Microsoft.Compute/images/",
    "managedImageName": "img",
    "packagesToInstall": "jq",
    "targetOS": "ubuntu",
}
"""What people fill in, for the default world."""


def document(name: str) -> Any:
    """The JSON of a file whose name ends so."""
    (file,) = [each for each in AZURE.rglob("*.json") if each.name.endswith(name)]
    return json.loads(file.read_text("utf-8-sig"))


def values_for(name: str) -> dict[str, str]:
    """The values of VALUES that a document asks for."""
    text = json.dumps(document(name)).lower()
    asked = {key: value for key, value in VALUES.items() if f"<{key}>".lower() in text or f"{{{key}}}" in text}
    declared = document(name).get("parameters", {}) if "$schema" in document(name) else {}
    return asked | {key: VALUES[key] for key in VALUES for each in declared if each.lower() == key.lower()}


def mirrored(name: str) -> Any:
    """A document whose checksums are those of our mirror's files: the quick starts' own are of other scripts."""
    found = document(name)
    for step in found.get("resources", [found])[0]["properties"]["customize"]:
        uri = step.get("scriptUri") or step.get("sourceUri") or ""
        if "sha256Checksum" in step:
            content = (MIRROR.folder / uri.removeprefix(STARTS)).read_bytes()
            step["sha256Checksum"] = hashlib.sha256(content).hexdigest()
    return found
