"""The image template: what `emulator.rules.template` finds, as findings of the checklist."""

from collections.abc import Iterator

from emulator.model.image import ImageTemplate
from emulator.model.world import World
from emulator.rules.checklist import mends, scene
from emulator.rules.checklist.finding import Answer, Item, State
from emulator.rules.template import findings
from emulator.rules.template.finding import NEWEST, REFERENCE, version_of

IDENTITY = "identity"
STATES: dict[str, State] = {"error": "failed", "warning": "warning"}


def identity(world: World) -> Iterator[Answer]:
    """The template has exactly one user-assigned identity."""
    for template in scene.templates(world):
        ours = [each for each in findings(template) if each.field.startswith(IDENTITY)]
        for each in ours:
            yield Answer(STATES[each.severity], template.id, str(each), _identity(template))
        if not ours:
            names = ", ".join(one.name for one, _ in template.identities) or "none that was printed"
            yield Answer("ok", template.id, f"the identity of {template.id.name}: {names}")


def _identity(template: ImageTemplate) -> str:
    """Assign one, or remove all but the first."""
    where = (*mends.within(template.id), "-n", template.id.name)
    if not template.identities:
        own = template.id.resource_group
        subscription = template.id.subscription
        wanted = f"/subscriptions/{subscription}/resourceGroups/{own}/providers/Microsoft.ManagedIdentity"
        wanted += f"/userAssignedIdentities/{template.id.name}-identity"
        create = mends.az("identity", "create", *mends.within(template.id), "-n", f"{template.id.name}-identity")
        assign = mends.az("image", "builder", "identity", "assign", *where, "--user-assigned", wanted)
        return mends.joined([create, assign])
    others = [one.text for one, _ in template.identities[1:]]
    return mends.az("image", "builder", "identity", "remove", *where, "--user-assigned", *others, "--yes")


def words(world: World) -> Iterator[Answer]:
    """The template says nothing that Image Builder would refuse, or that fails later."""
    template = scene.template_of(world)
    ours = [each for each in findings(template) if not each.field.startswith(IDENTITY)]
    for each in ours:
        yield Answer(STATES[each.severity], template.id, str(each), _submitted(template))
    if not ours:
        version = template.api_version or "of no version that it names"
        yield Answer("ok", template.id, f"nothing is wrong with template {template.id.name}, {version}")


def _submitted(template: ImageTemplate) -> str:
    """How a template is submitted once its document is corrected.

    One that Azure printed is there already, and the service changes little of a template: it is deleted first.
    """
    where = (*mends.within(template.id), "-n", template.id.name)
    version = template.api_version if version_of(template) and template.api_version else NEWEST
    delete = "" if template.strict else mends.az("image", "builder", "delete", *where)
    create = mends.az(
        *("resource", "create", *where, "--resource-type", "Microsoft.VirtualMachineImages/imageTemplates"),
        *("--api-version", version, "--is-full-object", "--properties", f"@{template.id.name}.json"),
    )
    return mends.joined([delete, create])


ITEMS = (
    Item(
        "template-identity",
        "Image Builder acts as the template's user-assigned identity; it supports a single one and requires it",
        REFERENCE,
        identity,
    ),
    Item(
        "template",
        "What the service refuses fails when the template is submitted; what it lets pass fails in the build",
        REFERENCE,
        words,
    ),
)
