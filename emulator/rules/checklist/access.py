"""What the template's identity may do with the network, images, the build VM's identities and the staging group."""

from collections.abc import Iterator, Mapping, Sequence

from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from emulator.model.world import Topology, World
from emulator.rules.checklist import mends, roles, scene
from emulator.rules.checklist.finding import Answer, Item, LackingError
from emulator.rules.template.build import is_windows
from emulator.rules.template.finding import Words, words_of
from emulator.rules.topology import names_network

JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
READ = "Microsoft.Network/virtualNetworks/read"
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities/"
ASSIGN = (f"{IDENTITIES}assign/action", f"{IDENTITIES}any/assign/action")
"""As it is asked for, and as the built-in role gives it: `userAssignedIdentities/*/assign/action`."""
DEPLOYS = ("Microsoft.Compute/virtualMachines/write", "Microsoft.Network/loadBalancers/write")
SERVICE_APPLICATION = "cf32a0cc-373c-47c9-9156-0db11f6a6dfc"
"""The application of the Image Builder service itself."""
IMAGES = "Microsoft.Compute/images/"
VERSIONS = "Microsoft.Compute/galleries/images/versions/"
GALLERY = ("Microsoft.Compute/galleries/read", "Microsoft.Compute/galleries/images/read")
TARGETS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "managedimage": ("imageId", (f"{IMAGES}read", f"{IMAGES}write", f"{IMAGES}delete")),
    "sharedimage": ("galleryImageId", (*GALLERY, f"{VERSIONS}read", f"{VERSIONS}write")),
}
SOURCES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "managedimage": ("imageId", (f"{IMAGES}read",)),
    "sharedimageversion": ("imageVersionId", (*GALLERY, f"{VERSIONS}read")),
}
"""By kind: the field that names the image, and what the identity must be allowed to do with it (azure.md 1.7)."""


def _principal(world: World) -> str:
    """The object ID that assignments name the template's identity by."""
    template = scene.template_of(world)
    if not template.identities:
        raise LackingError(f"{template.id} names no identity", _show(template))
    identity, principal = template.identities[0]
    if not principal:
        raise LackingError(f"the object ID of {identity} is not in the template", _show(template))
    if not world.assignments:
        raise LackingError("no role assignments were loaded", "az role assignment list --all -o json")
    return principal


def _show(template: ImageTemplate) -> str:
    return mends.az("image", "builder", "show", *mends.within(template.id), "-n", template.id.name, "-o", "json")


def _asked(
    world: World, actions: Sequence[str], resource: ResourceId, scope: ResourceId, role: str
) -> Iterator[Answer]:
    """Whether the template's identity may do all of some actions, and the assignment that would let it."""
    principal = _principal(world)
    told = {action: roles.allowed(world, principal, action, resource) for action in actions}
    identity = scene.template_of(world).identities[0][0].name
    refused = [action for action, may in told.items() if may is False]
    unsure = [action for action, may in told.items() if may is None]
    if refused:
        found = f"no role that was loaded lets {identity} do {', '.join(refused)} at {resource.name}"
        yield Answer("failed", resource, found, mends.assign(principal, _role(world, actions, role), scope))
    elif unsure:
        found = f"{identity} may do {', '.join(unsure)} at {resource.name} by a role or a group that was not loaded"
        yield Answer("unknown", resource, found, mends.az("role", "definition", "list", "-o", "json"))
    else:
        yield Answer("ok", resource, f"{identity} may do {', '.join(told)} at {resource.name}")


def _role(world: World, actions: Sequence[str], otherwise: str) -> str:
    """A role of the customer's own that gives the actions, or else a built-in one."""
    ours = (role for role in world.roles if all(roles.gives(role, action) for action in actions))
    return next((role.role_name for role in ours), otherwise)


def network_read(world: World) -> Iterator[Answer]:
    """The identity may read the virtual network."""
    network = world.network_of(scene.build_subnet(world).id).id
    yield from _asked(world, (READ,), network, network, "Network Contributor")


def subnet_join(world: World) -> Iterator[Answer]:
    """The identity may put machines into the build subnet."""
    home = scene.build_subnet(world).id
    yield from _asked(world, (JOIN,), home, home.parent, "Network Contributor")


def container_join(world: World) -> Iterator[Answer]:
    """The identity may put the container into its subnet."""
    home = scene.container_subnet(world).id
    yield from _asked(world, (JOIN,), home, home.parent, "Network Contributor")


def identity_operator(world: World) -> Iterator[Answer]:
    """The template's identity may give the build VM each identity that it is to have."""
    for identity in [each for template in scene.templates(world) for each in template.build_identities]:
        principal = _principal(world)
        given = [action for action in ASSIGN if roles.allowed(world, principal, action, identity)]
        yield from _asked(world, (given or ASSIGN)[:1], identity, identity, "Managed Identity Operator")


def target_roles(world: World) -> Iterator[Answer]:
    """The identity may write the images that the template distributes."""
    for template in scene.templates(world):
        for target in words_of(template).objects("distribute"):
            yield from _image(world, target, TARGETS)


def source_roles(world: World) -> Iterator[Answer]:
    """The identity may read the source image, where that is the customer's own."""
    for template in scene.templates(world):
        yield from _image(world, words_of(template).below("source"), SOURCES)


def _image(world: World, words: Words, kinds: Mapping[str, tuple[str, tuple[str, ...]]]) -> Iterator[Answer]:
    field, actions = kinds.get(str(words.get("type")).lower(), ("", ()))
    found = words.get(field) if field else None
    if isinstance(found, str) and found.startswith("/subscriptions/") and "<" not in found:
        image = ResourceId(found)
        group = ResourceId(image.text.partition("/providers/")[0])
        yield from _asked(world, actions, image, group, "Contributor")


def staging_contributor(world: World) -> Iterator[Answer]:
    """The identity may deploy into a staging group of the customer's own."""
    for template in scene.templates(world):
        if template.staging_group is not None:
            yield from _asked(world, DEPLOYS, template.staging_group, template.staging_group, "Contributor")


def staging_windows(world: World) -> Iterator[Answer]:
    """With a staging group and a network of one's own, a Windows source needs a role for the service itself, too."""
    for template in scene.templates(world):
        group = template.staging_group
        if group is not None and names_network(template) and is_windows(template):
            found = (
                f"staging group {group.name}, a virtual network and a Windows source: Image Builder's own "
                f"application {SERVICE_APPLICATION} needs Contributor on the group, and nothing that was loaded "
                "tells whether it has it"
            )
            assign = ("role", "assignment", "create", "--assignee", SERVICE_APPLICATION, "--role", "Contributor")
            yield Answer("warning", group, found, mends.az(*assign, "--scope", group.text))


PERMISSIONS = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-permissions-cli"
REFERENCE = "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json"
OWN: tuple[Topology, ...] = ("existing-vnet", "container-instance")
NEEDS = "Image Builder acts as the template's identity: without the role the build fails before it begins"
ITEMS = (
    Item("network-read", NEEDS, PERMISSIONS, network_read, OWN),
    Item("subnet-join", NEEDS, PERMISSIONS, subnet_join, OWN),
    Item("container-subnet-join", NEEDS, REFERENCE, container_join, ("container-instance",)),
    Item("image-write", f"{NEEDS}, or ends without an image", PERMISSIONS, target_roles),
    Item("image-read", NEEDS, PERMISSIONS, source_roles),
    Item(
        "identity-operator",
        "The template's identity gives the build VM its identities, and needs Managed Identity Operator on each",
        REFERENCE,
        identity_operator,
    ),
    Item(
        "staging-contributor",
        "In a staging group that exists already the template's identity needs Contributor or Owner",
        REFERENCE,
        staging_contributor,
    ),
    Item(
        "staging-windows",
        "Without it the build ends in `does not have authorization to perform action 'Microsoft.Compute/disks/write' "
        "over scope '…/disks/proxyVmDiskWin_…'`",
        "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot",
        staging_windows,
    ),
)
