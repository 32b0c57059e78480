"""Every template of Azure's that we have: refused as it stands with code and field, and accepted once filled in."""

import json
from collections.abc import Collection, Mapping, Sequence

import pytest

from emulator.app.building import template_of
from emulator.build.plan import RefusedError, plan_of
from emulator.errors import InvalidInputError
from tests.real_templates import AZURE, DATA, document, values_for

SHARED = [
    ("properties.distribute[0].galleryImageId", "BadSharedImageDistribute"),
    ("properties.distribute[0].runOutputName", ""),
    ("properties.distribute[0].replicationRegions[0]", ""),
    ("properties.distribute[0].replicationRegions[1]", ""),
    ("location", ""),
    ("identity.userAssignedIdentities[0]", ""),
]
MANAGED = [
    ("properties.distribute[0].imageId", ""),
    ("properties.distribute[0].location", ""),
    ("properties.distribute[0].runOutputName", ""),
    ("location", ""),
    ("identity.userAssignedIdentities[0]", ""),
]
SUBNET = ("properties.vmProfile.vnetConfig.subnetId", "")
IMAGE = ("properties.distribute[0].imageId", "")
SOURCE = ("properties.source.imageId", "BadManagedImageSource")
IDENTITY = ("identity.userAssignedIdentities", "")
# As it stands each has places left to be filled in; each row is what is refused, with the service's code.
REFUSED: Mapping[str, Sequence[tuple[str, str]]] = {
    "helloImageTemplateLinux.json": MANAGED,
    "helloImageTemplateWin.json": MANAGED,
    "helloImageTemplateforSIG.json": SHARED,
    "existingVNETLinux.json": [SUBNET, *MANAGED],
    "helloImageTemplateforSIGfromSIG.json": [
        ("properties.source.imageVersionId", "BadSharedImageVersionSource"),
        *SHARED,
    ],
    "helloImageTemplateforReCustomization.json": [SOURCE, *SHARED],
    "helloImageTemplateVHD.json": [IDENTITY, ("properties.distribute[0].runOutputName", ""), ("location", "")],
    "helloImageTemplateMsi.json": [("properties.customize[0].scriptUri", "NoCustomizerScript"), *SHARED],
    "helloImageTemplate.json": [
        *SHARED[:2],
        ("properties.distribute[0].targetRegions[0].name", "BadSharedImageDistribute"),
        ("properties.distribute[0].targetRegions[1].name", "BadSharedImageDistribute"),
        *SHARED[4:],
    ],
    "CreateImageTemplateLinux.2019-05-01-preview.json": [IMAGE],
    "CreateImageTemplateLinux.2020-02-14.json": [IMAGE, SUBNET],
    "CreateImageTemplateLinux.json": [IMAGE, SUBNET],
    "CreateImageTemplateWindows.json": [IMAGE, SUBNET],
    "GetImageTemplate.json": [SOURCE, IMAGE],
    "UpdateImageTemplateTags.json": [SOURCE, IMAGE],
    "UpdateImageTemplateToRemoveIdentities.json": [IDENTITY, SOURCE, IMAGE],
}
# Deployment templates whose parameters have no values: what lacks them.
PARAMETERS: Mapping[str, Sequence[str]] = {
    "armTemplateWinSIG.json": ["imageTemplateName", "api-version", "svclocation"],
    "existingVNETWindows.json": ["imageTemplateName", "api-version", "svclocation"],
    "helloImageTemplateforSIGfromWinSIG.json": ["imageTemplateName", "api-version", "svclocation"],
    "devOpsEnvTemplate.json": [
        "imageTemplateName",
        "svcLocation",
        "targetOS",
        "packagesToInstall",
        "managedImageResGroupId",
        "svcLocation",
        "managedimagename",
    ],
}
# Files that hold no image template, or more than one.
NONE: Mapping[str, str] = {
    "trigger.json": "expected the ID of a resource",
    "aibRoleImageCreation.json": "found 0 image templates",
    "aibRoleNetworking.json": "found 0 image templates",
    "CancelImageBuild.json": "expected the ID of a resource",
    "CreateSourceImageTrigger.json": "found 0 image templates",
    "DeleteImageTemplate.json": "expected the ID of a resource",
    "GetRunOutput.json": "found 0 image templates",
    "GetTrigger.json": "found 0 image templates",
    "ListImageTemplates.json": "found 2 image templates",
    "ListTriggers.json": "found 0 image templates",
}
STILL: Mapping[str, Sequence[tuple[str, str]]] = {
    "helloImageTemplateVHD.json": [IDENTITY],
    "UpdateImageTemplateToRemoveIdentities.json": [IDENTITY],
}
"""What is refused once every place is filled in: no build can do without an identity."""


def refused(name: str, values: Mapping[str, str], spare: Collection[str] = ()) -> list[tuple[str, str]]:
    """The fields that are refused, with their codes."""
    try:
        plan_of(template_of(document(name), values, spare))
    except RefusedError as error:
        return list(dict.fromkeys((each.field, each.code) for each in error.refusals))
    return []


def name_of(row: str) -> str:
    """How the row's file ends: quick starts have their folder's name in front."""
    return row if (AZURE / "imagebuilder" / row).exists() else f"__{row}"


def test_every_template_has_its_row() -> None:
    """No file of Azure's Image Builder is left out of the table."""
    files = [*(AZURE / "azvmimagebuilder").glob("*.json"), *(AZURE / "imagebuilder").glob("*.json")]

    assert {each.name.rpartition("__")[2] for each in files} == {*REFUSED, *PARAMETERS, *NONE}


@pytest.mark.parametrize("row", REFUSED)
def test_as_it_stands_it_is_refused(row: str) -> None:
    """Places left to be filled in, and what is wrong besides: every field at once, with the service's code."""
    assert refused(name_of(row), {}) == list(REFUSED[row])


@pytest.mark.parametrize("row", [*REFUSED, *PARAMETERS])
def test_filled_in_it_is_accepted(row: str) -> None:
    """With its places filled in, or its parameters given, it is a plan; two have no identity, and never can be."""
    assert refused(name_of(row), values_for(name_of(row))) == list(STILL.get(row, []))


@pytest.mark.parametrize("row", [each for each in (*REFUSED, *PARAMETERS) if name_of(each).startswith("__")])
def test_one_file_of_values_fills_every_quick_start(row: str) -> None:
    """The file that the README gives to one has the places of all."""
    values = json.loads((DATA / "values.json").read_text())

    assert refused(name_of(row), values, values.keys()) == list(STILL.get(row, []))


@pytest.mark.parametrize("row", PARAMETERS)
def test_parameters_without_a_value_are_named(row: str) -> None:
    """Each expression of a deployment template that hangs on a parameter without a value is a line that says so."""
    with pytest.raises(InvalidInputError) as caught:
        template_of(document(name_of(row)))
    lines = str(caught.value).splitlines()

    assert [line.partition("--parameter ")[2].partition("=")[0] for line in lines] == list(PARAMETERS[row])


@pytest.mark.parametrize("row", NONE)
def test_what_is_no_template_is_refused(row: str) -> None:
    """A file of something else says what was found."""
    with pytest.raises(InvalidInputError, match=NONE[row]):
        template_of(document(name_of(row)))
