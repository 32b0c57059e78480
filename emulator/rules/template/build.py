"""What the build runs as and for how long: identity and time limit (azure.md 1.5)."""

from collections.abc import Iterator

from emulator.model.arm.findings import shown
from emulator.model.image import ImageTemplate
from emulator.model.world import System
from emulator.rules.template.finding import (
    REFERENCE,
    SUBNET_IDS,
    TemplateFinding,
    Words,
    is_expression,
    version_of,
    words_of,
)

LONGEST = 960
"""Minutes."""
SHORTEST = 6
"""Minutes; 0 stands for the default of 240."""
WINDOWS_LEAST = 60
"""Minutes that the documentation advises for Windows."""
TROUBLESHOOTING = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot"
LINUX = (
    "canonical",
    "ubuntu",
    "redhat",
    "rhel",
    "suse",
    "sles",
    "debian",
    "centos",
    "oracle-linux",
    "alma",
    "mariner",
)
"""Words in the publisher or the offer of a platform image that say Linux."""
WINDOWS_STEPS = frozenset({"powershell", "windowsrestart", "windowsupdate"})


def one_identity(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """From 2020-02-14 on exactly one user-assigned identity; where the version is not known, not more than one."""
    version, count = version_of(template), len(template.identities)
    if version is not None and version < SUBNET_IDS:
        return
    if count > 1 or (count == 0 and version is not None):
        why = f"from API version {SUBNET_IDS} on Image Builder acts as this identity, and supports a single one"
        allowed = "one user-assigned identity"
        yield TemplateFinding("identity.userAssignedIdentities", f"{count} identities", allowed, why, REFERENCE)


def time_limit(template: ImageTemplate) -> Iterator[TemplateFinding]:
    """`buildTimeoutInMinutes` is 0 (for 240) or 6 to 960; for Windows less than 60 is not advised."""
    words = words_of(template)
    found, field = words.get("buildTimeoutInMinutes"), words.at("buildTimeoutInMinutes")
    if found is None or is_expression(found):
        return
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found <= LONGEST:
        why = "it is a number of minutes, at most 16 hours; 0 stands for the default of 240"
        yield TemplateFinding(field, shown(found), f"a whole number from 0 to {LONGEST}", why, REFERENCE)
    elif 0 < found < SHORTEST:
        why = "the build fails: client_jwt will expire within 5 minutes, please use a JWT that is valid for longer"
        yield TemplateFinding(field, shown(found), f"0, or {SHORTEST} to {LONGEST}", why, TROUBLESHOOTING)
    elif 0 < found < WINDOWS_LEAST and is_windows(template):
        why = "the documentation advises against less for Windows"
        yield TemplateFinding(field, shown(found), f"at least {WINDOWS_LEAST}", why, REFERENCE, "warning")


def system_of(template: ImageTemplate) -> System | None:
    """The system of the image that is built, as far as the template's own words tell it; None where they do not."""
    if is_windows(template):
        return "windows"
    source = words_of(template).below("source")
    named = f"{source.get('publisher')} {source.get('offer')}".lower()
    shell = any(str(step.get("type")).lower() == "shell" for step in _steps(template))
    return "linux" if shell or any(each in named for each in LINUX) else None


def is_windows(template: ImageTemplate) -> bool:
    """Whether a Windows image is built, as far as the template's own words tell: by its source, or by its steps."""
    words = words_of(template)
    source = words.below("source")
    if "windows" in f"{source.get('publisher')} {source.get('offer')}".lower():
        return True
    return any(str(step.get("type")).lower() in WINDOWS_STEPS for step in _steps(template))


def _steps(template: ImageTemplate) -> Iterator[Words]:
    """What customizes the image, and what validates it."""
    words = words_of(template)
    yield from words.objects("customize")
    yield from words.below("validate").objects("inVMValidations")
