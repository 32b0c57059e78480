"""Customizers, validators and targets: what they need, and what excludes what."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from emulator.model.image import ImageTemplate
from emulator.rules.template import steps
from emulator.rules.template.finding import TemplateFinding
from tests.templates import ABSENT, IMAGE, printed, template

Rule = Callable[[ImageTemplate], Iterable[TemplateFinding]]
SHELL: dict[str, Any] = {"type": "Shell"}
POWERSHELL: dict[str, Any] = {"type": "PowerShell", "inline": ["dir"]}
# A rule, a step, and the field of the step that it speaks about ("" is the step itself).
STEPS: list[tuple[Rule, dict[str, Any], list[str]]] = [
    # exactly one of inline and scriptUri
    (steps.one_script, {**SHELL, "inline": ["x"]}, []),
    (steps.one_script, {**SHELL, "scriptUri": "https://x"}, []),
    (steps.one_script, {**SHELL, "inline": [], "scriptUri": "https://x"}, []),
    (steps.one_script, {**SHELL, "inline": None, "scriptUri": "https://x"}, []),
    (steps.one_script, {**SHELL, "inline": ["x"], "scriptUri": "https://x"}, [""]),
    (steps.one_script, SHELL, [""]),
    (steps.one_script, {"type": "powershell"}, [""]),
    (steps.one_script, {"type": "File"}, []),
    (steps.one_script, {"type": "WindowsRestart"}, []),
    # inline is a list of commands
    (steps.lists_of_commands, {**SHELL, "inline": ["x", "y"]}, []),
    (steps.lists_of_commands, {**SHELL, "inline": "[variables('x')]"}, []),
    (steps.lists_of_commands, {**SHELL, "inline": "x"}, [".inline"]),
    (steps.lists_of_commands, {**SHELL, "inline": [1]}, [".inline"]),
    # runAsSystem needs runElevated
    (steps.system_is_elevated, {**POWERSHELL, "runElevated": True, "runAsSystem": True}, []),
    (steps.system_is_elevated, {**POWERSHELL, "runElevated": False, "runAsSystem": False}, []),
    (steps.system_is_elevated, {**POWERSHELL, "runElevated": "[x]", "runAsSystem": True}, []),
    (steps.system_is_elevated, {**POWERSHELL, "runAsSystem": True}, [".runElevated"]),
    (steps.system_is_elevated, {**POWERSHELL, "runElevated": False, "runAsSystem": True}, [".runElevated"]),
    # validExitCodes is a list of whole numbers
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": [0, 3010]}, []),
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": []}, []),
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": ["[x]"]}, []),
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": "[x]"}, []),
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": ["0"]}, [".validExitCodes"]),
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": [True]}, [".validExitCodes"]),
    (steps.exit_codes, {**POWERSHELL, "validExitCodes": 0}, [".validExitCodes"]),
]


@pytest.mark.parametrize(("rule", "step", "expected"), STEPS)
def test_steps(rule: Rule, step: dict[str, Any], expected: list[str]) -> None:
    """Each rule holds for customizers and validators alike, and names the step and the field."""
    good = {"type": "Shell", "inline": ["x"]}
    customized = template({"customize": [good, step]})
    validated = template({"validate": {"inVMValidations": [step]}})

    assert [each.field for each in rule(customized)] == [f"properties.customize[1]{key}" for key in expected]
    at = "properties.validate.inVMValidations[0]"
    assert [each.field for each in rule(validated)] == [f"{at}{key}" for key in expected]


def target(**fields: Any) -> dict[str, Any]:
    """A target in a gallery."""
    return {"type": "SharedImage", "galleryImageId": IMAGE, "runOutputName": "out", **fields}


# An image goes somewhere, unless the source alone is validated.
GOES: list[tuple[dict[str, Any], bool]] = [
    ({}, False),
    ({"distribute": "[variables('targets')]"}, False),
    ({"distribute": []}, True),
    ({"distribute": ABSENT}, True),
    ({"distribute": None}, True),
    ({"distribute": [], "validate": {"sourceValidationOnly": True}}, False),
    ({"distribute": [], "validate": {"sourceValidationOnly": False}}, True),
]


@pytest.mark.parametrize(("properties", "wrong"), GOES)
def test_goes_somewhere(properties: dict[str, Any], wrong: bool) -> None:  # noqa: FBT001
    """`distribute` is required."""
    found = steps.goes_somewhere(template(properties))

    assert [each.field for each in found] == (["properties.distribute"] if wrong else [])


# The names of run outputs: letters, digits, - _ . up to 64, one of each; what is to be filled in is let pass.
NAMES: list[tuple[list[object], list[int]]] = [
    (["a", "b-_.9"], []),
    (["a" * 64], []),
    (["<runOutputName>", "<runOutputName>"], []),
    (["[parameters('n')]"], []),
    ([None, 7, ""], []),
    (["a" * 65], [0]),
    (["two words"], [0]),
    (["out", "Out"], [1]),
]


@pytest.mark.parametrize(("names", "wrong"), NAMES)
def test_output_names(names: list[object], wrong: list[int]) -> None:
    """Each target names its run output, as a resource is named."""
    found = steps.output_names(template({"distribute": [target(runOutputName=name) for name in names]}))

    assert [each.field for each in found] == [f"properties.distribute[{index}].runOutputName" for index in wrong]


def test_one_list_of_regions() -> None:
    """The deprecated list of regions does not stand beside the new one; what a tool prints empty is not there."""
    both = [target(targetRegions=[{"name": "westeurope"}], replicationRegions=["westeurope"])]

    found = steps.one_list_of_regions(template({"distribute": both}))
    assert [each.field for each in found] == ["properties.distribute[0].replicationRegions"]
    for one in ({"targetRegions": [{"name": "a"}], "replicationRegions": []}, {"replicationRegions": ["a"]}):
        assert not list(steps.one_list_of_regions(printed({"distribute": [target(**one)]})))
