"""What the template's identity may do, and the assignment that would let it."""

from dataclasses import replace
from typing import Any

import pytest

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.default_world import BUILD_SUBNET, CONTAINER_SUBNET, VNET
from emulator.model.ids import ResourceId
from emulator.model.world import World
from tests.mending import finding, findings_of, mended, states
from tests.templates import ABSENT, IDENTITY, IMAGE, PRINCIPAL, SCOPE, SUBNET, TEMPLATE, template
from tests.worlds import world

ROLES = "/providers/Microsoft.Authorization/roleDefinitions/"
OWNER, READER = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "acdd72a7-3385-48ef-bd42-f606fba81ae7"
NETWORKING = RoleDefinition(
    ResourceId(ROLES + "d8cb629b-a729-43f4-9a52-3f236dc157d8"),
    "Azure Image Builder Service Networking Role",
    (
        Permission(
            ("Microsoft.Network/virtualNetworks/read", "Microsoft.Network/virtualNetworks/subnets/join/action")
        ),
    ),
)
GROUP = ResourceId(f"{VNET.text.partition('/providers')[0]}")


def given(*assignments: tuple[str, ResourceId], properties: dict[str, Any] | None = None, **more: Any) -> World:
    """The default world with a template, and roles of its identity; somebody else has one, too."""
    found = world(topology="container-instance" if more.pop("container", False) else "existing-vnet")
    chosen = template(properties, **more)
    own = [
        RoleAssignment(ResourceId(f"/a{index}"), PRINCIPAL, ResourceId(ROLES + role), scope)
        for index, (role, scope) in enumerate(assignments)
    ]
    other = RoleAssignment(ResourceId("/other"), "somebody", ResourceId(ROLES + OWNER), ResourceId("/"))
    found = found.laid(chosen, *own, other)
    return replace(found, parts=replace(found.parts, template=chosen.id))


# The role, its scope, and what reading the network and joining the subnet come to.
NETWORK_ROLES = [
    (OWNER, GROUP, "ok", "ok"),
    ("4d97b98b-1d4f-4787-a291-c67834d212e7", VNET, "ok", "ok"),
    (READER, GROUP, "ok", "failed"),
    (OWNER, BUILD_SUBNET, "failed", "ok"),
    (OWNER, ResourceId(f"{SCOPE}/rg-images"), "failed", "failed"),
    ("00000000-1111-2222-3333-444444444444", GROUP, "unknown", "unknown"),
]


@pytest.mark.parametrize(("role", "scope", "read", "join"), NETWORK_ROLES)
def test_network(role: str, scope: ResourceId, read: str, join: str) -> None:
    """The identity needs to read the network and to join its subnet; the command gives it a role that does both."""
    found = given((role, scope))

    assert (states(found, "network-read"), states(found, "subnet-join")) == ([read], [join])
    for name, state in (("network-read", read), ("subnet-join", join)):
        if state == "failed":
            assert states(mended(found, finding(found, name)), name) == ["ok"]


def test_what_a_failure_says() -> None:
    """A failure names identity, action and resource, and the command principal, role and scope."""
    failed = finding(given(), "subnet-join")

    assert failed.resource == BUILD_SUBNET
    assert failed.found == (
        "no role that was loaded lets id-aib do Microsoft.Network/virtualNetworks/subnets/join/action at build"
    )
    assert failed.mend == (
        f"az role assignment create --assignee-object-id {PRINCIPAL} --assignee-principal-type ServicePrincipal "
        f"--role 'Network Contributor' --scope {VNET}"
    )


def test_a_role_of_ones_own() -> None:
    """Where the documentation's custom role is there, the command gives that one."""
    found = given().laid(NETWORKING)
    failed = finding(found, "network-read")

    assert "--role 'Azure Image Builder Service Networking Role'" in failed.mend
    assert states(mended(found, failed), "subnet-join") == ["ok"]


# What keeps one from judging, and what would print it.
NOT_KNOWN = [
    (replace(given(), assignments=()), "no role assignments were loaded", "az role assignment list --all -o json"),
    (world(), "no image template was loaded", "az image builder list -o json"),
    (given(identities=0), "names no identity", "az image builder show -g rg-images"),
    (
        given(identity={"type": "UserAssigned", "userAssignedIdentities": {IDENTITY: {}}}),
        f"the object ID of {IDENTITY} is not in the template",
        "az image builder show -g rg-images",
    ),
]


@pytest.mark.parametrize(("found", "message", "command"), NOT_KNOWN)
def test_not_known(found: World, message: str, command: str) -> None:
    """Without assignments, template or object ID the items are unknown."""
    for name in ("network-read", "subnet-join"):
        said = finding(found, name)
        assert said.state == "unknown"
        assert message in said.found
        assert said.mend.startswith(command)


def test_the_containers_subnet() -> None:
    """The identity needs to join the container's subnet, too."""
    found = given((OWNER, BUILD_SUBNET), container=True)
    failed = finding(found, "container-subnet-join")

    assert (failed.state, failed.resource) == ("failed", CONTAINER_SUBNET)
    assert states(mended(found, failed), "container-subnet-join") == ["ok"]
    assert states(given((OWNER, CONTAINER_SUBNET), container=True), "container-subnet-join") == ["ok"]


OTHER = f"{SCOPE}/rg-app/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id-app"
OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
OWN_OPERATOR = RoleDefinition(
    ResourceId(ROLES + "own"),
    "Own operator",
    (Permission(("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",)),),
)


def test_identities_of_the_build_vm() -> None:
    """The template's identity needs to assign each identity of the build VM, its own among them."""
    profile = {"vmProfile": {"userAssignedIdentities": [OTHER, IDENTITY], "vnetConfig": {"subnetId": SUBNET}}}
    found = given((OPERATOR, ResourceId(OTHER)), properties=profile)
    said = findings_of(found, "identity-operator")

    assert [(each.resource.name, each.state) for each in said] == [("id-app", "ok"), ("id-aib", "failed")]
    assert f"--role 'Managed Identity Operator' --scope {IDENTITY}" in said[1].mend
    assert states(mended(found, said[1]), "identity-operator") == ["ok", "ok"]
    own = given(("own", ResourceId(SCOPE.rpartition("/")[0])), properties=profile).laid(OWN_OPERATOR)
    assert states(own, "identity-operator") == ["ok", "ok"]
    assert states(given(), "identity-operator") == []
    assert states(world(), "identity-operator") == []


GALLERY = f"{SCOPE}/rg-images/providers/Microsoft.Compute/galleries/g/images/i"
IMAGES = ResourceId(f"{SCOPE}/rg-images")
# Where the image goes, the identity's role, and the state: writing takes more than reading.
TARGETS: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"type": "ManagedImage", "imageId": IMAGE}, OWNER, ["ok"]),
    ({"type": "ManagedImage", "imageId": IMAGE}, READER, ["failed"]),
    ({"type": "SharedImage", "galleryImageId": GALLERY}, OWNER, ["ok"]),
    ({"type": "sharedimage", "galleryImageId": GALLERY}, READER, ["failed"]),
    ({"type": "VHD"}, READER, []),
    ({"type": "ManagedImage", "imageId": "[variables('image')]"}, READER, []),
    ({"type": "ManagedImage", "imageId": "/subscriptions/<subscriptionID>/x"}, READER, []),
]


@pytest.mark.parametrize(("target", "role", "expected"), TARGETS)
def test_targets(target: dict[str, Any], role: str, expected: list[str]) -> None:
    """The identity needs to write the images that are distributed."""
    found = given((role, IMAGES), properties={"distribute": [target]})

    assert states(found, "image-write") == expected
    for each in findings_of(found, "image-write"):
        assert states(mended(found, each), "image-write") == ["ok"]


# The source, the identity's role, and the state; images of the marketplace are everybody's.
SOURCES: list[tuple[Any, str, list[str]]] = [
    ({"type": "PlatformImage", "publisher": "p"}, READER, []),
    ({"type": "ManagedImage", "imageId": IMAGE}, READER, ["ok"]),
    ({"type": "SharedImageVersion", "imageVersionId": f"{GALLERY}/versions/latest"}, READER, ["ok"]),
    ({"type": "ManagedImage", "imageId": IMAGE}, OPERATOR, ["failed"]),
    (ABSENT, READER, []),
]


@pytest.mark.parametrize(("source", "role", "expected"), SOURCES)
def test_sources(source: dict[str, Any], role: str, expected: list[str]) -> None:
    """The identity needs to read a source image of the customer's own."""
    assert states(given((role, IMAGES), properties={"source": source}), "image-read") == expected


STAGING = f"{SCOPE}/rg-staging"
WINDOWS = {"publisher": "MicrosoftWindowsServer", "type": "PlatformImage"}


def test_the_staging_group() -> None:
    """In a staging group of the customer's own the identity is a contributor."""
    found = given(properties={"stagingResourceGroup": STAGING})
    failed = finding(found, "staging-contributor")

    assert (failed.state, failed.resource) == ("failed", ResourceId(STAGING))
    assert f"--role Contributor --scope {STAGING}" in failed.mend
    assert states(mended(found, failed), "staging-contributor") == ["ok"]
    assert states(given(), "staging-contributor") == []


# The trap of `proxyVmDiskWin_…`: staging group, network and Windows together (azure.md 1.7).
TRAP: list[tuple[dict[str, Any], list[str]]] = [
    ({"stagingResourceGroup": STAGING, "source": WINDOWS}, ["warning"]),
    ({"stagingResourceGroup": STAGING}, []),
    ({"source": WINDOWS}, []),
    ({"stagingResourceGroup": STAGING, "source": WINDOWS, "vmProfile": {}}, []),
]


@pytest.mark.parametrize(("properties", "expected"), TRAP)
def test_the_windows_trap(properties: dict[str, Any], expected: list[str]) -> None:
    """Only the three together need a role for the service's own application."""
    found = given(properties=properties)

    assert states(found, "staging-windows") == expected
    for each in findings_of(found, "staging-windows"):
        assert f"--assignee cf32a0cc-373c-47c9-9156-0db11f6a6dfc --role Contributor --scope {STAGING}" in each.mend


def test_the_template_is_the_builders() -> None:
    """The template of these worlds is the one that the commands name."""
    assert given().parts.template == ResourceId(TEMPLATE)
