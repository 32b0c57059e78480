"""What keeps a template from being built: code, field, found, allowed."""

from typing import Any

import pytest

from emulator.build.refusals import refusals
from tests.builds import linux, powershell, shell, windows
from tests.templates import ABSENT, loaded

URI = "https://example.com/s.sh"
ROWS: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (linux(shell("true")), []),
    (windows(powershell("1")), []),
    (linux({"type": "Shell"}), [("properties.customize[0]", "NoCustomizerScript")]),
    (linux(shell("a", scriptUri=URI)), [("properties.customize[0]", "NoCustomizerScript")]),
    (linux({"inline": ["a"]}), [("properties.customize[0].type", "BadCustomizerType")]),
    (linux({"type": "Ansible"}), [("properties.customize[0].type", "UnsupportedCustomizerType")]),
    (linux(powershell("1")), [("properties.customize[0].type", "UnsupportedCustomizerType")]),
    (windows(shell("true")), [("properties.customize[0].type", "UnsupportedCustomizerType")]),
    (linux({"type": "Shell", "scriptUri": "s.sh"}), [("properties.customize[0].scriptUri", "NoCustomizerScript")]),
    (linux({"type": "Shell", "scriptUri": "<uri>"}), [("properties.customize[0].scriptUri", "NoCustomizerScript")]),
    (linux({"type": "Shell", "scriptUri": URI, "sha256Checksum": "12"}),
     [("properties.customize[0].sha256Checksum", "")]),
    (linux(shell("true", sha256Checksum="a" * 64)), [("properties.customize[0].sha256Checksum", "")]),
    (linux({"type": "File", "sourceUri": URI, "destination": "/etc/x"}),
     [("properties.customize[0].destination", "")]),
    (linux({"type": "File", "sourceUri": "[x]", "destination": "/tmp/x"}),
     [("properties.customize[0].sourceUri", "")]),
    (windows({"type": "WindowsRestart", "restartTimeout": "soon"}), [("properties.customize[0].restartTimeout", "")]),
    (windows({"type": "WindowsUpdate", "updateLimit": -1}), [("properties.customize[0].updateLimit", "")]),
    (linux(validate={"inVMValidations": [{"type": "Shell"}]}),
     [("properties.validate.inVMValidations[0]", "NoValidatorScript")]),
    (linux(validate={"inVMValidations": [{"type": "Nothing"}]}),
     [("properties.validate.inVMValidations[0].type", "UnsupportedValidatorType")]),
    (linux(validate={"inVMValidations": [{"inline": ["a"]}]}),
     [("properties.validate.inVMValidations[0].type", "BadValidatorType")]),
    (linux(source={"type": "Iso"}), [("properties.source.type", "BadSourceType")]),
    (linux(source=ABSENT), [("properties.source", "BadSourceType")]),
    (linux(source={"type": "PlatformImage", "publisher": "Canonical", "offer": "ubuntu"}),
     [("properties.source.sku", "BadPIRSource")]),
    (linux(source={"type": "ManagedImage"}), [("properties.source.imageId", "BadManagedImageSource")]),
    (linux(source={"type": "SharedImageVersion"}),
     [("properties.source.imageVersionId", "BadSharedImageVersionSource")]),
    (linux(distribute=[{"type": "Disk"}]), [("properties.distribute[0].type", "BadDistributeType")]),
    (linux(distribute=[{"type": "SharedImage", "runOutputName": "o"}]),
     [("properties.distribute[0].galleryImageId", "BadSharedImageDistribute")]),
    (linux(stagingResourceGroup="mine"), [("properties.stagingResourceGroup", "BadStagingResourceGroup")]),
    (linux(buildTimeoutInMinutes=3), [("properties.buildTimeoutInMinutes", "")]),
]  # fmt: skip


@pytest.mark.parametrize(("document", "expected"), ROWS, ids=range(len(ROWS)))
def test_refusals(document: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Each fault is told once, with its field, and with the service's code where it has one."""
    assert [(each.field, each.code) for each in refusals(loaded(document))] == expected


def test_a_place_to_be_filled_in_is_named() -> None:
    """`<imageName>` left in a template is called what it is; free texts may say what they like."""
    image = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/<imageName>"
    target = {"type": "ManagedImage", "imageId": image, "location": "x", "runOutputName": "o"}
    found = refusals(loaded(linux(shell("cat <input>"), distribute=[target])))

    field = "properties.distribute[0].imageId"
    why = "a place that the template leaves to be filled in; `-p imageName=VALUE` fills it"
    assert [str(each) for each in found] == [f"{field}: found <imageName>, expected a value: {why}"]


def test_the_first_cause_is_told_once() -> None:
    """A field that two rules find the same fault with has one line."""
    found = refusals(loaded(linux({"type": "Shell", "scriptUri": 7})))

    assert len({(each.field, each.found) for each in found}) == len(found)
