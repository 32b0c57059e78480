"""Image templates as a whole: Azure's own examples, and what people wrote, get the findings that they deserve."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model import arm
from emulator.model.image import ImageTemplate
from emulator.rules.template import TemplateFinding, findings
from emulator.rules.template.registry import RULES
from tests.templates import GOOD, document, loaded, printed, template

DATA = Path(__file__).parent.parent / "data"
EXAMPLES = sorted((DATA / "azure" / "imagebuilder").glob("*Template*.json"))
QUICK_STARTS = sorted((DATA / "azure" / "azvmimagebuilder").glob("*.json"))


def templates_of(file: Path) -> list[ImageTemplate]:
    """The image templates of a file; none where it holds something else."""
    value = json.loads(file.read_text("utf-8-sig"))
    if file.name.startswith("Delete") or "trigger" in file.name:
        return []
    found = arm.load([(file.name, value)]).resources
    return [each for each in found if isinstance(each, ImageTemplate)]


def fields(found: tuple[TemplateFinding, ...]) -> list[tuple[str, str]]:
    """Where findings are, and how bad."""
    return [(each.field, each.severity) for each in found]


# One of the API's examples removes the identity, which no build can do without; one quick start never had any.
NO_IDENTITY = ("UpdateImageTemplateToRemoveIdentities.json", "helloImageTemplateVHD.json")


@pytest.mark.parametrize("file", [*EXAMPLES, *QUICK_STARTS], ids=lambda file: str(file.name)[-60:])
def test_real_templates(file: Path) -> None:
    """Azure's examples of every API version and its quick starts have no finding but a missing identity."""
    expected = [("identity.userAssignedIdentities", "error")] if file.name.endswith(NO_IDENTITY) else []

    assert [fields(findings(each)) for each in templates_of(file)] == [expected for _ in templates_of(file)]


def test_there_are_real_templates() -> None:
    """The examples are there: every API version's creation, Linux and Windows, and the quick starts."""
    found = [each for file in (*EXAMPLES, *QUICK_STARTS) for each in templates_of(file)]

    assert {"2019-05-01-preview", "2020-02-14", "2022-07-01", "2024-02-01"} <= {each.api_version for each in found}
    assert len(found) > 15


@pytest.mark.parametrize("shape", ["rest", "cli", "powershell"])
def test_printed_templates(shape: str) -> None:
    """A template that Azure's tools print has no finding, whatever they add to it or how they spell it."""
    (found,) = templates_of(DATA / "export" / shape / "image-templates.json")

    assert findings(found) == ()


def test_a_good_template() -> None:
    """The builders' own template is good, authored in each version with `subnetId`, and printed."""
    for api in ("2020-02-14", "2022-07-01", "2024-02-01", "2025-10-01", ""):
        assert findings(template(api=api)) == ()
    assert findings(printed()) == ()


def test_findings_are_told_in_order() -> None:
    """Everything wrong is told at once, the network first, and each finding says field, found, allowed and why."""
    found = findings(template({"vmProfile": {"vnetconfig": {"subnetId": "here"}}, "distribute": []}, identities=0))

    assert [each.field for each in found] == [
        "properties.vmProfile.vnetConfig.subnetId",
        "identity.userAssignedIdentities",
        "properties.vmProfile.vnetconfig",
        "properties.distribute",
    ]
    assert str(found[2]) == (
        'properties.vmProfile.vnetconfig: found "vnetconfig", expected "vnetConfig": '
        "API version 2024-02-01 and later refuse a field they do not know, and tell names apart by case"
    )
    assert all(each.source.startswith("https://learn.microsoft.com/") for each in found)


def test_every_rule_is_documented() -> None:
    """Each rule says in its docstring what it demands."""
    assert [rule.__name__ for rule in RULES if not rule.__doc__] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 2000) | st.sampled_from(["", "x", "[x]", "<x>", "Shell", "/a/b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(sorted(GOOD)), inner, max_size=2),
    max_leaves=6,
)
STEPS = st.lists(
    st.dictionaries(
        st.sampled_from(["type", "inline", "scriptUri", "runElevated", "runAsSystem", "validExitCodes", "name"]),
        JSON,
        max_size=4,
    ),
    max_size=3,
)
WORDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("source", "buildTimeoutInMinutes", "errorHandling", "optimize", "autoRun", "other"), JSON),
        "customize": STEPS | JSON,
        "distribute": STEPS | JSON,
        "validate": st.fixed_dictionaries({"inVMValidations": STEPS | JSON}) | JSON,
    },
)


@given(WORDS, st.sampled_from(["", "2019-05-01-preview", "2020-02-14", "2024-02-01", "2030-01-01", "[x]"]))
def test_any_words(words: dict[str, object], api: str) -> None:
    """Whatever stands in a template, its rules find or do not find; none fails."""
    for each in findings(loaded(document(words, api=api))):
        assert each.field
        assert each.severity in ("error", "warning")
