"""What must be true of a world before a template is built in it, with the service's errors and what mends each.

The items of the checklist that Image Builder itself would stop at; those about rules and routes it meets only in the
build. ARM's message of a missing role is quoted by
https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from emulator.model.image import ImageTemplate
from emulator.model.world import World
from emulator.rules.checklist import Finding, findings

ACCESS = frozenset(
    {
        "network-read",
        "subnet-join",
        "container-subnet-join",
        "image-write",
        "image-read",
        "identity-operator",
        "staging-contributor",
    }
)
NO_POLICY = "PrivateLinkServiceCannotBeCreatedInSubnetThatHasNetworkPoliciesEnabled"
"""ARM's code, which Microsoft's own Azure/ARO-RP looks for (pkg/install/error.go); no page of the docs states it."""
CODES: Mapping[str, str] = {
    **dict.fromkeys(ACCESS, "AuthorizationFailed"),
    "service-network-policies": NO_POLICY,
    "region": "InvalidResourceReference",
    "address-space": "SubnetIsFull",
    "container-delegation": "SubnetMissingRequiredDelegation",
    "container-subnet-apart": "",
    "container-same-network": "",
}
"""The items that a build is refused for, and the code of the error that Azure gives."""


@dataclass(frozen=True, slots=True)
class Unmet:
    """A precondition that is not met.

    Attributes:
        mend: the command that mends it.
    """

    code: str
    item: str
    found: str
    mend: str

    def __str__(self) -> str:
        code = f"{self.code}: " if self.code else ""
        mend = f"; `{self.mend}` mends it" if self.mend else ""
        return f"{code}{self.item}: {self.found}{mend}"


def unmet(template: ImageTemplate, world: World) -> tuple[Unmet, ...]:
    """Every precondition that a world does not meet; what was not loaded is no reason to refuse."""
    own = replace(world, templates=(), parts=replace(world.parts, template=template.id)).laid(template)
    return (*_of_the_checklist(findings(own)), *_staging_group(template, world))


def _of_the_checklist(found: tuple[Finding, ...]) -> Iterator[Unmet]:
    for each in found:
        if each.state == "failed" and each.name in CODES:
            yield Unmet(CODES[each.name], each.name, each.found, each.mend)


def _staging_group(template: ImageTemplate, world: World) -> Iterator[Unmet]:
    """A staging group of one's own must be empty, and exist in the template's region (azure.md 1.8)."""
    group = template.staging_group
    inside = [each.id.name for each in world.resources if group and each.id.is_within(group) and each.id != group]
    if group is not None and inside:
        named = ", ".join(inside[:5]) + (f" and {len(inside) - 5} more" if len(inside) > 5 else "")
        mend = f"az resource list -g {group.name} -o table"
        yield Unmet("BadStagingResourceGroup", "staging-empty", f"{group.name} must be empty and has {named}", mend)
