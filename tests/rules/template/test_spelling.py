"""Names, kinds and words that an API version does not know, and what is missing."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from emulator.rules.template.finding import TemplateFinding
from emulator.rules.template.spelling import missing_fields, unknown_fields, unknown_kinds, unknown_words
from tests.templates import ABSENT, IMAGE, SUBNET, printed, template


def told(found: Iterable[TemplateFinding]) -> list[str]:
    """`FIELD → ALLOWED`, a warning with a question mark."""
    return [f"{each.field} → {each.allowed}{'?' if each.severity == 'warning' else ''}" for each in found]


SHELL = {"type": "Shell", "inline": ["true"]}
TARGET = {"type": "ManagedImage", "imageId": IMAGE, "location": "westeurope", "runOutputName": "out"}
GALLERY = {"type": "SharedImage", "galleryImageId": IMAGE, "runOutputName": "out"}
PLAN = {"planName": "n", "planProduct": "p", "planPublisher": "p"}
SOURCE = {"type": "PlatformImage", "publisher": "p", "offer": "o", "sku": "s"}
# From 2024-02-01 on an unknown field is refused, at each level, and case counts (release notes, May 2024).
UNKNOWN = [
    ({"optimize": {"vmboot": {"state": "Enabled"}}}, ['properties.optimize.vmboot → "vmBoot"']),
    ({"Optimize": {"vmBoot": {}}}, ['properties.Optimize → "optimize"']),
    ({"customize": [SHELL, {**SHELL, "InLine": []}]}, ['properties.customize[1].InLine → "inline"']),
    ({"customize": [{**SHELL, "script_uri": "x"}]}, ['properties.customize[0].script_uri → "scriptUri"']),
    ({"distribute": [{**TARGET, "aritfactTags": {}}]}, ['properties.distribute[0].aritfactTags → "artifactTags"']),
    (
        {"distribute": [{**GALLERY, "targetRegions": [{"name": "a", "replicas": 1}]}]},
        ['properties.distribute[0].targetRegions[0].replicas → "replicaCount"'],
    ),
    (
        {"distribute": [{**GALLERY, "versioning": {"scheme": "Latest", "Major": 1}}]},
        ['properties.distribute[0].versioning.Major → "major"'],
    ),
    (
        {"source": {**SOURCE, "planInfo": {**PLAN, "x": 1}}},
        ["properties.source.planInfo.x → one of " + ", ".join(PLAN)],
    ),
    (
        {"vmProfile": {"osDiskSizeGb": 30, "vnetConfig": {"subnetID": SUBNET}}},
        [
            'properties.vmProfile.osDiskSizeGb → "osDiskSizeGB"',
            'properties.vmProfile.vnetConfig.subnetID → "subnetId"',
        ],
    ),
    (
        {"validate": {"inVMValidation": [], "inVMValidations": [{"type": "Shell", "x": 1}]}},
        [
            'properties.validate.inVMValidation → "inVMValidations"',
            "properties.validate.inVMValidations[0].x → one of type, name, inline, scriptUri, sha256Checksum",
        ],
    ),
    (
        {"errorHandling": {"onCustomiserError": "abort"}},
        ['properties.errorHandling.onCustomiserError → "onCustomizerError"'],
    ),
    ({"managedResourceTags": {"any": "tag"}}, []),
    ({"copy": [{"name": "customize", "count": 2, "input": SHELL}]}, []),
    ({"provisioningState": "Succeeded", "lastRunStatus": {"runState": "Running"}}, []),
]


@pytest.mark.parametrize(("properties", "expected"), UNKNOWN)
def test_unknown_fields(properties: Mapping[str, Any], expected: list[str]) -> None:
    """A field that the API does not know is an error with the name that was likely meant, from 2024-02-01 on."""
    assert told(unknown_fields(template(properties))) == expected
    assert told(unknown_fields(template(properties, api=""))) == expected
    assert told(unknown_fields(template(properties, api="2023-07-01"))) == []


def test_tools_spell_as_they_like() -> None:
    """What a tool printed is not held to the API's spelling, nor is a document whose version is not known."""
    assert told(unknown_fields(printed({"Optimize": {}}))) == []
    assert told(unknown_fields(template({"Optimize": {}}, api="[parameters('v')]"))) == []


# Fields that stand beside `properties`: what deployment templates have is fine.
BESIDE: list[tuple[dict[str, Any], list[str]]] = [
    ({"tags": {"a": "b"}, "dependsOn": [], "comments": "c", "systemData": {}}, []),
    ({"Tag": {}}, ['Tag → "tags"']),
]


@pytest.mark.parametrize(("beside", "expected"), BESIDE)
def test_beside_the_properties(beside: dict[str, Any], expected: list[str]) -> None:
    """The template itself has known fields, too."""
    assert told(unknown_fields(template(**beside))) == expected


def test_later_versions() -> None:
    """A field that came later is unknown before; a version that came after the tables may know more than they."""
    later = {"additionalDataDisks": [{"sizeGB": 1}], "optimize": {"workload": {"state": "Enabled"}}}

    assert told(unknown_fields(template(later, api="2025-10-01"))) == []
    assert [each.field for each in unknown_fields(template(later))] == [
        "properties.additionalDataDisks",
        "properties.optimize.workload",
    ]
    assert told(unknown_fields(template({"vmBoots": 1}, api="2031-01-01")))[0].endswith("?")


def test_the_old_network_has_a_rule_of_its_own() -> None:
    """Fields of the old network form are told by the rules about it, once."""
    old = {"name": "vnet", "subnetName": "s", "resourceGroupName": "g"}

    assert told(unknown_fields(template({"vmProfile": {"VirtualNetworkConfig": old}}))) == []
    assert told(unknown_fields(template({"VirtualNetworkConfig": old}))) == []
    assert told(unknown_fields(template({"vmProfile": {"vnetConfig": old}}))) == []


# Kinds of step, source, target and numbering; before 2024-02-01 in any case.
KINDS = [
    ({"customize": [{"type": "shell", "inline": ["x"]}]}, ["properties.customize[0].type"], []),
    ({"customize": [{"type": "Ansible"}]}, ["properties.customize[0].type"], ["properties.customize[0].type"]),
    ({"customize": [{"inline": ["x"]}]}, ["properties.customize[0].type"], ["properties.customize[0].type"]),
    ({"customize": [{"type": "[variables('t')]"}]}, [], []),
    ({"source": {"type": "platformimage"}}, ["properties.source.type"], []),
    (
        {"distribute": [{**GALLERY, "versioning": {"scheme": "Newest"}}]},
        ["properties.distribute[0].versioning.scheme"],
        ["properties.distribute[0].versioning.scheme"],
    ),
    (
        {"validate": {"inVMValidations": [{"type": "WindowsRestart"}]}},
        ["properties.validate.inVMValidations[0].type"],
        ["properties.validate.inVMValidations[0].type"],
    ),
]


@pytest.mark.parametrize(("properties", "exact", "before"), KINDS)
def test_unknown_kinds(properties: Mapping[str, Any], exact: list[str], before: list[str]) -> None:
    """An object of no known kind is an error; from 2024-02-01 on the kind's case counts."""
    assert [each.field for each in unknown_kinds(template(properties))] == exact
    assert [each.field for each in unknown_kinds(template(properties, api="2022-07-01"))] == before


# Fields that take one of a few words.
CHOICES = [
    ({"errorHandling": {"onCustomizerError": "abort", "onValidationError": "cleanup"}}, [], []),
    (
        {"errorHandling": {"onCustomizerError": "Abort"}},
        ["properties.errorHandling.onCustomizerError → one of cleanup, abort"],
        [],
    ),
    (
        {"optimize": {"vmBoot": {"state": True}}},
        *(["properties.optimize.vmBoot.state → one of Enabled, Disabled"],) * 2,
    ),
    ({"autoRun": {"state": "[parameters('run')]"}}, [], []),
]


@pytest.mark.parametrize(("properties", "exact", "before"), CHOICES)
def test_unknown_words(properties: Mapping[str, Any], exact: list[str], before: list[str]) -> None:
    """A value that is none of the API's words is an error; from 2024-02-01 on its case counts."""
    assert told(unknown_words(template(properties))) == exact
    assert told(unknown_words(template(properties, api="2022-07-01"))) == before


# What the API requires of each object.
MISSING = [
    ({"source": ABSENT}, ["properties.source"]),
    ({"source": {"type": "PlatformImage", "offer": "o", "sku": "s"}}, ["properties.source.publisher"]),
    ({"source": {"type": "ManagedImage"}}, ["properties.source.imageId"]),
    ({"source": {"type": "SharedImageVersion", "imageVersionId": ""}}, ["properties.source.imageVersionId"]),
    (
        {"source": {**SOURCE, "planInfo": {"planName": "n", "planProduct": "p"}}},
        ["properties.source.planInfo.planPublisher"],
    ),
    (
        {"customize": [{"type": "File", "name": "f"}]},
        ["properties.customize[0].sourceUri", "properties.customize[0].destination"],
    ),
    ({"distribute": [{"type": "VHD"}]}, ["properties.distribute[0].runOutputName"]),
    (
        {"distribute": [{"type": "ManagedImage", "runOutputName": "o"}]},
        ["properties.distribute[0].imageId", "properties.distribute[0].location"],
    ),
    ({"distribute": [{**GALLERY, "targetRegions": [{}]}]}, ["properties.distribute[0].targetRegions[0].name"]),
]


@pytest.mark.parametrize(("properties", "expected"), MISSING)
def test_missing_fields(properties: Mapping[str, Any], expected: list[str]) -> None:
    """What the API requires and the template lacks is an error, in every version and however it is spelled."""
    assert [each.field for each in missing_fields(template(properties))] == expected
    assert [each.field for each in missing_fields(template(properties, api="2020-02-14"))] == expected
    assert [each.field for each in missing_fields(printed(properties))] == expected


def test_a_template_of_which_only_the_network_is_known() -> None:
    """Nothing is missing from a template that came without its words."""
    assert told(missing_fields(template(dict.fromkeys(("source", "customize", "distribute"), ABSENT)))) == [
        "properties.source → a value"
    ]
    bare = template(
        dict.fromkeys(("source", "customize", "distribute", "buildTimeoutInMinutes", "vmProfile"), ABSENT)
    )
    assert told(missing_fields(bare)) == []
