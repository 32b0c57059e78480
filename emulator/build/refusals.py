"""Why a template is not built: what the service refuses, and what would fail in the build for certain.

`check` finds fault with a network's template; a build needs more: no place left to be filled in, steps that the
system can run, sources that can be fetched. The service's own error codes are those of the API's definition
(https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder, ProvisioningErrorCode).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from shlex import quote

from emulator.build.duration import seconds_of
from emulator.model.arm.findings import shown
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.rules.template import findings
from emulator.rules.template.build import LINUX as LINUX_NAMES
from emulator.rules.template.build import is_windows
from emulator.rules.template.finding import Words, is_expression, words_of

PLACEHOLDER = re.compile(r"<[A-Za-z][\w .-]*>|\{[A-Za-z][\w-]*\}")
"""How quick starts write what is to be filled in, and how the API's examples do."""
FREE_TEXT = frozenset({"inline", "tags", "artifacttags", "description", "comments", "restartcommand"})
"""Fields whose text is somebody else's language."""
CHECKSUM = re.compile(r"[0-9a-fA-F]{64}")
SCHEMES = ("http://", "https://", "file://")
LINUX, WINDOWS = ("shell", "file"), ("powershell", "file", "windowsrestart", "windowsupdate")
CODES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(field), said, code)
    for field, said, code in (
        (r"properties\.customize\[\d+\]\.type", "nothing", "BadCustomizerType"),
        (r"properties\.customize\[\d+\]\.type", "", "UnsupportedCustomizerType"),
        (r"properties\.customize\[\d+\](\.inline|\.scriptUri|\.sourceUri)?", "", "NoCustomizerScript"),
        (r"properties\.validate\.inVMValidations\[\d+\]\.type", "nothing", "BadValidatorType"),
        (r"properties\.validate\.inVMValidations\[\d+\]\.type", "", "UnsupportedValidatorType"),
        (r"properties\.validate\.inVMValidations\[\d+\](\.inline|\.scriptUri|\.sourceUri)?", "", "NoValidatorScript"),
        (r"properties\.source(\.type)?", "", "BadSourceType"),
        (r"properties\.source\.(publisher|offer|sku|version|planInfo.*)", "", "BadPIRSource"),
        (r"properties\.source\.imageId", "", "BadManagedImageSource"),
        (r"properties\.source\.imageVersionId", "", "BadSharedImageVersionSource"),
        (r"properties\.distribute(\[\d+\]\.type)?", "", "BadDistributeType"),
        (r"properties\.distribute\[\d+\]\.(galleryImageId|replicationRegions|targetRegions.*)", "",
         "BadSharedImageDistribute"),
        (r"properties\.stagingResourceGroup", "", "BadStagingResourceGroup"),
    )
)  # fmt: skip
"""Which of the service's codes a finding has, by its field and what was found there; the first that matches."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to build.

    Attributes:
        code: the service's `provisioningErrorCode`, or empty where none is known.
    """

    field: str
    found: str
    allowed: str
    why: str
    code: str = ""

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.field}: found {self.found}, expected {self.allowed}: {self.why}{code}"


def refusals(template: ImageTemplate) -> tuple[Refusal, ...]:
    """Everything that keeps a template from being built; each field is told once."""
    told: dict[tuple[str, str], Refusal] = {}
    for each in (*_of_the_service(template), *(found for rule in RULES for found in rule(template))):
        told.setdefault((each.field, each.found), each)
    return tuple(told.values())


def code_of(field: str, found: str) -> str:
    """The service's code for a finding; empty where it has none."""
    for pattern, said, code in CODES:
        if pattern.fullmatch(field) and said in ("", found):
            return code
    return ""


def _of_the_service(template: ImageTemplate) -> Iterator[Refusal]:
    for each in findings(template):
        if each.severity == "error":
            yield Refusal(each.field, each.found, each.allowed, each.why, code_of(each.field, each.found))


def _texts(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Every text below a value with its path, free texts left out; keys are texts, too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield f"{path}.{key}".lstrip("."), key
            if key.lower() not in FREE_TEXT:
                yield from _texts(each, f"{path}.{key}".lstrip("."))


def placeholders(template: ImageTemplate) -> Iterator[Refusal]:
    """Places that are still to be filled in, as `<imageName>`."""
    where = {"properties": template.properties, "location": template.location, **template.kept.beside}
    where["identity"] = {"userAssignedIdentities": [one.text for one, _ in template.identities]}
    for path, text in _texts({**where}, ""):
        for found in dict.fromkeys(PLACEHOLDER.findall(text)):
            option = quote(f"{found[1:-1]}=VALUE")
            why = f"a place that the template leaves to be filled in; `-p {option}` fills it"
            yield Refusal(path, found, "a value", why, code_of(path, found))


def expressions(template: ImageTemplate) -> Iterator[Refusal]:
    """Expressions of a deployment template that have no value."""
    for path, text in _texts({"properties": dict(template.properties)}, ""):
        if is_expression(text):
            allowed = "a value; `--parameter NAME=VALUE` gives the deployment template's parameters theirs"
            yield Refusal(path, shown(text), allowed, "nothing says what this expression comes to")


def _all_steps(template: ImageTemplate) -> Iterator[Words]:
    words = words_of(template)
    yield from words.objects("customize")
    yield from words.below("validate").objects("inVMValidations")


def of_the_system(template: ImageTemplate) -> Iterator[Refusal]:
    """Every step is one that the build VM's system can run."""
    source = words_of(template).below("source")
    named = f"{source.get('publisher')} {source.get('offer')}".lower()
    by_steps = is_windows(template) and not _has(template, "shell")
    windows = "windows" in named or (by_steps and not any(each in named for each in LINUX_NAMES))
    allowed = WINDOWS if windows else LINUX
    for step in _all_steps(template):
        kind = str(step.get("type")).lower()
        if kind in (*LINUX, *WINDOWS) and kind not in allowed:
            system = "Windows" if windows else "Linux"
            why = f"the source is a {system} image, whose build VM cannot run it"
            field = step.at("type")
            yield Refusal(field, shown(step.get("type")), f"a step of {system}", why, code_of(field, "another"))


def _has(template: ImageTemplate, kind: str) -> bool:
    return any(str(step.get("type")).lower() == kind for step in _all_steps(template))


def sources(template: ImageTemplate) -> Iterator[Refusal]:
    """`scriptUri` and `sourceUri` are addresses that can be fetched."""
    for step in _all_steps(template):
        for key in ("scriptUri", "sourceUri"):
            found = step.get(key)
            left_out = not step.says(key) or is_expression(found) or PLACEHOLDER.search(str(found))
            if not left_out and not (isinstance(found, str) and found.startswith(SCHEMES)):
                allowed, why = "an address that begins with " + ", ".join(SCHEMES), "it is fetched before the build"
                yield Refusal(step.at(key), shown(found), allowed, why, code_of(step.at(key), "another"))


def checksums(template: ImageTemplate) -> Iterator[Refusal]:
    """`sha256Checksum` is one, and of something that is fetched."""
    for step in _all_steps(template):
        found = step.get("sha256Checksum")
        if not step.says("sha256Checksum") or is_expression(found):
            continue
        field = step.at("sha256Checksum")
        if not isinstance(found, str) or not CHECKSUM.fullmatch(found):
            yield Refusal(field, shown(found), "64 hexadecimal digits", "it is compared with what was fetched")
        elif not (step.says("scriptUri") or step.says("sourceUri")):
            yield Refusal(field, shown(found), "no such field", "nothing is fetched that it could be of")


def destinations(template: ImageTemplate) -> Iterator[Refusal]:
    """A file for Linux goes below /tmp: the user that uploads may write nowhere else (azure.md 1.6)."""
    if is_windows(template):
        return
    for step in _all_steps(template):
        found = step.get("destination")
        is_file = str(step.get("type")).lower() == "file" and isinstance(found, str) and not is_expression(found)
        if is_file and found and not found.startswith("/tmp/"):  # noqa: S108 - the build VM's
            why = "the account that uploads may not write elsewhere; a Shell step with sudo moves it on"
            yield Refusal(step.at("destination"), shown(found), "a path below /tmp/", why)


def durations(template: ImageTemplate) -> Iterator[Refusal]:
    """`restartTimeout` is a duration, and `updateLimit` a positive number."""
    for step in _all_steps(template):
        found, limit = step.get("restartTimeout"), step.get("updateLimit")
        if step.says("restartTimeout") and not is_expression(found) and not seconds_of(str(found)):
            why = "it is how long the restart may take"
            yield Refusal(step.at("restartTimeout"), shown(found), 'a duration as "5m"', why)
        if limit is not None and not is_expression(limit) and (type(limit) is not int or limit < 0):
            yield Refusal(step.at("updateLimit"), shown(limit), "a whole number", "it is how many updates at most")


def of_subscription(template: ImageTemplate) -> Iterator[Refusal]:
    """A staging group is a resource group's ID."""
    group: ResourceId | None = template.staging_group
    if group is not None and not is_expression(group.text) and "/resourcegroups/" not in group.key:
        field = "properties.stagingResourceGroup"
        allowed = "/subscriptions/ID/resourceGroups/NAME"
        yield Refusal(field, shown(group.text), allowed, "the build's resources are made in it", code_of(field, "x"))


RULES: tuple[Callable[[ImageTemplate], Iterator[Refusal]], ...] = (
    placeholders,
    expressions,
    of_the_system,
    sources,
    checksums,
    destinations,
    durations,
    of_subscription,
)
