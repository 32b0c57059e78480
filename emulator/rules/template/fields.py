"""The fields of an image template, level by level, as the API's definition has them.

Written after the definitions of 2024-02-01 and 2025-10-01, read-only fields included, since what Azure printed is
sent back (https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from emulator.rules.template.finding import Words


@dataclass(frozen=True, slots=True)
class Level:
    """The fields of one kind of object.

    Attributes:
        fields: each with what it holds: another kind of object (or a list of them), one of a few words, or None
            for a plain value and for maps of free names.
        required: fields without which Azure refuses the object.
        judged: further names, in lower case, that a rule of their own speaks about.
    """

    fields: Mapping[str, "Holds"]
    required: tuple[str, ...] = ()
    judged: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Kinds:
    """Objects that one of their fields tells apart: `by` holds the name of a level."""

    levels: Mapping[str, Level]
    by: str = "type"

    def level(self, words: Words) -> Level | None:
        """The level of an object; None where its kind is not known."""
        kind = words.get(self.by)
        found = (
            level for name, level in self.levels.items() if isinstance(kind, str) and name.lower() == kind.lower()
        )
        return next(found, None)


Holds = Level | Kinds | tuple[str, ...] | None


def _plain(*names: str) -> dict[str, Holds]:
    return dict.fromkeys(names)


SWITCH = ("Enabled", "Disabled")
ON_ERROR = ("cleanup", "abort")
STORAGE = ("Standard_LRS", "Standard_ZRS", "Premium_LRS")
SINCE = {"additionalDataDisks": "2025-10-01", "workload": "2025-10-01", "replicationMode": "2025-10-01"}
"""Fields that came after 2024-02-01, and with which version."""
EVERYWHERE = frozenset({"copy"})
"""The loop of deployment templates stands beside the fields that it makes."""

SHELL = Level(_plain("type", "name", "inline", "scriptUri", "sha256Checksum"))
POWERSHELL = Level({**SHELL.fields, **_plain("runElevated", "runAsSystem", "validExitCodes")})
FILE = Level(
    _plain("type", "name", "sourceUri", "destination", "sha256Checksum"), required=("sourceUri", "destination")
)
RESTART = Level(_plain("type", "name", "restartCommand", "restartCheckCommand", "restartTimeout"))
UPDATE = Level(_plain("type", "name", "searchCriteria", "filters", "updateLimit"))
VALIDATORS = Kinds({"Shell": SHELL, "PowerShell": POWERSHELL, "File": FILE})
CUSTOMIZERS = Kinds({**VALIDATORS.levels, "WindowsRestart": RESTART, "WindowsUpdate": UPDATE})

PLAN_FIELDS = ("planName", "planProduct", "planPublisher")
PLATFORM = Level(
    {
        **_plain("type", "publisher", "offer", "sku", "version", "exactVersion"),
        "planInfo": Level(_plain(*PLAN_FIELDS), required=PLAN_FIELDS),
    },
    required=("publisher", "offer", "sku"),
)
SOURCES = Kinds(
    {
        "PlatformImage": PLATFORM,
        "ManagedImage": Level(_plain("type", "imageId"), required=("imageId",)),
        "SharedImageVersion": Level(_plain("type", "imageVersionId", "exactVersion"), required=("imageVersionId",)),
    }
)

OUTPUT = _plain("type", "runOutputName", "artifactTags")
REGION = Level({**_plain("name", "replicaCount"), "storageAccountType": STORAGE}, required=("name",))
VERSIONING = Kinds({"Latest": Level(_plain("scheme", "major")), "Source": Level(_plain("scheme"))}, by="scheme")
GALLERY = Level(
    {
        **OUTPUT,
        **_plain("galleryImageId", "replicationRegions", "excludeFromLatest"),
        "storageAccountType": STORAGE,
        "targetRegions": REGION,
        "versioning": VERSIONING,
        "replicationMode": ("Full", "Shallow"),
    },
    required=("runOutputName", "galleryImageId"),
)
DISTRIBUTORS = Kinds(
    {
        "ManagedImage": Level(
            {**OUTPUT, **_plain("imageId", "location")}, required=("runOutputName", "imageId", "location")
        ),
        "SharedImage": GALLERY,
        "VHD": Level({**OUTPUT, **_plain("uri")}, required=("runOutputName",)),
    }
)

OLD_NETWORK = frozenset({"name", "subnetname", "resourcegroupname"})
OLD_OBJECT = frozenset({"virtualnetworkconfig"})
NETWORK = Level(_plain("subnetId", "containerInstanceSubnetId", "proxyVmSize"), judged=OLD_NETWORK)
PROFILE = Level(
    {**_plain("vmSize", "osDiskSizeGB", "userAssignedIdentities"), "vnetConfig": NETWORK}, judged=OLD_OBJECT
)
STATE = Level({"state": SWITCH})
WORKLOAD = Level({"state": SWITCH, **_plain("scriptUri", "sha256Checksum")})
LAST_RUN = Level(_plain("startTime", "endTime", "runState", "runSubState", "message"))
PROPERTIES = Level(
    {
        "source": SOURCES,
        "customize": CUSTOMIZERS,
        "optimize": Level({"vmBoot": STATE, "workload": WORKLOAD}),
        "validate": Level(
            {**_plain("continueDistributeOnFailure", "sourceValidationOnly"), "inVMValidations": VALIDATORS}
        ),
        "distribute": DISTRIBUTORS,
        "errorHandling": Level({"onCustomizerError": ON_ERROR, "onValidationError": ON_ERROR}),
        "vmProfile": PROFILE,
        "autoRun": STATE,
        "additionalDataDisks": Level(_plain("sizeGB")),
        "lastRunStatus": LAST_RUN,
        "provisioningError": Level(_plain("provisioningErrorCode", "message")),
        **_plain("provisioningState", "buildTimeoutInMinutes", "managedResourceTags"),
        **_plain("stagingResourceGroup", "exactStagingResourceGroup"),
    },
    required=("source",),
    judged=OLD_OBJECT,
)
RESOURCE = Level(
    {
        **_plain("id", "name", "type", "location", "tags", "properties", "apiVersion", "systemData"),
        **_plain("dependsOn", "comments", "condition", "scope", "resources"),
        "identity": Level({"type": ("UserAssigned", "None"), **_plain("userAssignedIdentities")}),
    }
)
"""The template itself, and what deployment templates say of any resource."""


def objects(words: Words, level: Level) -> Iterator[tuple[Words, Level]]:
    """Every object of a known kind, from one down, each with its level."""
    yield words, level
    for name, holds in level.fields.items():
        for each in words.objects(name):
            inner = holds.level(each) if isinstance(holds, Kinds) else holds
            if isinstance(inner, Level):
                yield from objects(each, inner)
