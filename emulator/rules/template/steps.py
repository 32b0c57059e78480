"""What the build does: customizers, validators and where the image goes (azure.md 1.6)."""

import re
from collections.abc import Iterator

from emulator.model.arm.findings import shown
from emulator.model.image import ImageTemplate
from emulator.rules.template.finding import REFERENCE, TemplateFinding, Words, is_expression, words_of

SCRIPTED = frozenset({"shell", "powershell"})
OUTPUT_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _steps(template: ImageTemplate) -> Iterator[Words]:
    """Customizers, then validators."""
    words = words_of(template)
    yield from words.objects("customize")
    yield from words.below("validate").objects("inVMValidations")


def one_script(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """A Shell or PowerShell step has exactly one of `inline` and `scriptUri`."""
    for step in _steps(template):
        if str(step.get("type")).lower() in SCRIPTED and step.says("inline") == step.says("scriptUri"):
            found = "both" if step.says("inline") else "neither"
            why = "exactly one of them says what the step runs"
            yield TemplateFinding(step.path, found, "`inline` or `scriptUri`", why, REFERENCE)


def lists_of_commands(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`inline` is a list of commands."""
    for step in _steps(template):
        found = step.get("inline")
        commands = isinstance(found, list) and all(isinstance(each, str) for each in found)
        if step.says("inline") and not commands and not is_expression(found):
            why = "each item is one command"
            yield TemplateFinding(step.at("inline"), shown(found), "a list of texts", why, REFERENCE)


def system_is_elevated(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`runAsSystem` can be true only where `runElevated` is."""
    for step in _steps(template):
        if step.get("runAsSystem") is True and step.get("runElevated") in (None, False):
            why = "`runAsSystem` needs it: the Local System user always runs elevated"
            yield TemplateFinding(step.at("runElevated"), shown(step.get("runElevated")), "true", why, REFERENCE)


def exit_codes(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`validExitCodes` is a list of whole numbers."""
    for step in _steps(template):
        found = step.get("validExitCodes")
        if found is not None and not is_expression(found) and not _are_codes(found):
            why = "each is an exit code that counts as success; without the list 0 alone does"
            yield TemplateFinding(step.at("validExitCodes"), shown(found), "a list of numbers", why, REFERENCE)


def _are_codes(found: object) -> bool:
    if not isinstance(found, list):
        return False
    whole = (isinstance(each, int) and not isinstance(each, bool) for each in found if not is_expression(each))
    return all(whole)


def goes_somewhere(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`distribute` is required; it may be empty where the source alone is validated."""
    words = words_of(template)
    only_validates = words.below("validate").get("sourceValidationOnly") is True
    if template.properties and not words.says("distribute") and not only_validates:
        why = "an image that goes nowhere is not built: the API requires it"
        yield TemplateFinding(words.at("distribute"), "nothing", "at least one target", why, REFERENCE)


def output_names(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`runOutputName` is a resource's name, and each target has its own."""
    seen: set[str] = set()
    for target in words_of(template).objects("distribute"):
        name, field = target.get("runOutputName"), target.at("runOutputName")
        if not isinstance(name, str) or not name or is_expression(name) or "<" in name:
            continue  # missing, or a place to be filled in
        if not OUTPUT_NAME.fullmatch(name):
            allowed = "1 to 64 letters, digits, `-`, `_`, `.`"
            yield TemplateFinding(field, shown(name), allowed, "it names the run output, a resource", REFERENCE)
        elif name.lower() in seen:
            why = "the run outputs of one template are told apart by it"
            yield TemplateFinding(field, shown(name), "a name of its own", why, REFERENCE)
        seen.add(name.lower())


def one_list_of_regions(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """A gallery's regions stand in `targetRegions` or in the deprecated `replicationRegions`, not in both."""
    for target in words_of(template).objects("distribute"):
        if target.says("targetRegions") and target.says("replicationRegions"):
            why = "`targetRegions` supersedes `replicationRegions`; only one of them may be there"
            yield TemplateFinding(target.at("replicationRegions"), "both lists", "no such field", why, REFERENCE)
