"""The template's findings become findings of the checklist."""

from dataclasses import replace
from typing import Any

from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.world import World
from tests.mending import finding, findings_of, states
from tests.templates import IDENTITY, TEMPLATE, printed, template
from tests.worlds import world


def chosen(found: ImageTemplate) -> World:
    """The default world with a template."""
    laid = world().laid(found)
    return replace(laid, parts=replace(laid.parts, template=found.id))


def test_a_good_template() -> None:
    """A good template is ok, and so is its identity."""
    found = chosen(template())

    assert [finding(found, name).state for name in ("template", "template-identity")] == ["ok", "ok"]
    assert finding(found, "template").found == "nothing is wrong with template tpl, 2024-02-01"
    assert finding(found, "template-identity").found == "the identity of tpl: id-aib"
    assert finding(found, "template").resource == ResourceId(TEMPLATE)


def test_no_template() -> None:
    """Without a template nothing is known of it."""
    assert states(world(), "template") == ["unknown"]
    assert states(world(), "template-identity") == []


def test_findings() -> None:
    """Errors fail, warnings warn, each with field and reason; the command submits the corrected document."""
    steps: dict[str, Any] = {"customize": [{"type": "PowerShell", "inline": ["x"], "scriptURI": "y"}]}
    found = findings_of(chosen(template({**steps, "buildTimeoutInMinutes": 30})), "template")

    assert [each.state for each in found] == ["warning", "failed"]
    assert found[0].found.startswith("properties.buildTimeoutInMinutes: found 30, expected at least 60")
    assert 'properties.customize[0].scriptURI: found "scriptURI", expected "scriptUri"' in found[1].found
    assert found[1].mend == (
        "az resource create -g rg-images --subscription 11111111-2222-3333-4444-555555555555 -n tpl "
        "--resource-type Microsoft.VirtualMachineImages/imageTemplates --api-version 2024-02-01 --is-full-object "
        "--properties @tpl.json"
    )
    for api in ("", "[parameters('v')]"):
        wrong = chosen(template({"distribute": []}, api=api))
        assert "--api-version 2025-10-01" in findings_of(wrong, "template")[0].mend


def test_a_printed_template() -> None:
    """A template that a tool printed is there: it goes before the corrected one comes."""
    (found,) = findings_of(chosen(printed({"buildTimeoutInMinutes": 3})), "template")

    assert found.state == "failed"
    assert found.mend.startswith("az image builder delete -g rg-images")
    assert "-n tpl && az resource create -g rg-images" in found.mend
    assert finding(chosen(printed(identities=0)), "template-identity").found.endswith("none that was printed")


def test_identity() -> None:
    """No identity, or several, fail; the command makes and assigns one, or removes the others."""
    none = finding(chosen(template(identities=0)), "template-identity")
    three = finding(chosen(template(identities=3)), "template-identity")

    assert (none.state, three.state) == ("failed", "failed")
    assert none.mend.startswith("az identity create -g rg-images")
    assert "az image builder identity assign -g rg-images" in none.mend
    assert none.mend.endswith("/providers/Microsoft.ManagedIdentity/userAssignedIdentities/tpl-identity")
    assert three.mend.endswith(f"-n tpl --user-assigned {IDENTITY}1 {IDENTITY}2 --yes")
    assert states(chosen(template(identities=0)), "template") == ["ok"]
