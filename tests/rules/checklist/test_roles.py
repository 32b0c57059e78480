"""Whether an identity may do something."""

from dataclasses import replace

import pytest

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.ids import ResourceId
from emulator.model.kept import Kept
from emulator.model.world import World
from emulator.rules.checklist import roles
from tests.worlds import world

WHO = "65faf600-8477-4900-ba9e-48581cf29de8"
SCOPE = ResourceId("/subscriptions/s/resourceGroups/rg-network")
NETWORK = ResourceId(f"{SCOPE}/providers/Microsoft.Network/virtualNetworks/vnet")
SUBNET = NETWORK.child("subnets", "build")
ROLES = "/providers/Microsoft.Authorization/roleDefinitions/"
JOIN = "Microsoft.Network/virtualNetworks/subnets/join/action"
READ = "Microsoft.Network/virtualNetworks/read"
OWNER, CONTRIBUTOR = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


def role(*actions: str, without: tuple[str, ...] = (), name: str = "own") -> RoleDefinition:
    """A role of the customer's own."""
    return RoleDefinition(ResourceId(ROLES + name), name, (Permission(actions, without),))


def assigned(
    name: str, scope: ResourceId = SCOPE, principal: str = WHO, *definitions: RoleDefinition, kind: str = ""
) -> World:
    """A world with one assignment."""
    kept = Kept(within={"principalType": kind} if kind else {})
    assignment = RoleAssignment(ResourceId("/a"), principal, ResourceId(ROLES + name), scope, kept=kept)
    return replace(world(), assignments=(assignment,), roles=definitions)


# The role's actions and notActions, the action, and whether it is given; `*` is any text, and case does not count.
GIVEN = [
    ((JOIN,), (), JOIN, True),
    ((JOIN.lower(),), (), JOIN, True),
    (("Microsoft.Network/*",), (), JOIN, True),
    (("*/read",), (), READ, True),
    (("*/read",), (), JOIN, False),
    (("*",), (), JOIN, True),
    (("*",), ("Microsoft.Network/*",), JOIN, False),
    (("*",), ("*/join/action",), JOIN, False),
    (("*",), ("*/join/action",), READ, True),
    (("Microsoft.Network/virtualNetworks/*/join/action",), (), JOIN, True),
    (("Microsoft.Network/virtualNetworks/subnets/join",), (), JOIN, False),
    (("Microsoft-Network/virtualNetworks/read",), (), READ, False),
    ((), (), READ, False),
]


@pytest.mark.parametrize(("actions", "without", "action", "given"), GIVEN)
def test_roles(actions: tuple[str, ...], without: tuple[str, ...], action: str, given: bool) -> None:  # noqa: FBT001
    """A role gives what its actions match and its notActions do not."""
    found = role(*actions, without=without)

    assert roles.gives(found, action) is given
    assert roles.allowed(assigned("own", SCOPE, WHO, found), WHO, action, SUBNET) is given


# Built-in roles by their well-known GUIDs.
BUILT_IN = [
    (OWNER, JOIN, True),
    (OWNER.upper(), JOIN, True),
    (CONTRIBUTOR, JOIN, True),
    (CONTRIBUTOR, "Microsoft.Authorization/roleAssignments/write", False),
    (roles.NETWORK_CONTRIBUTOR, JOIN, True),
    (roles.NETWORK_CONTRIBUTOR, "Microsoft.Compute/images/write", False),
    (READER, READ, True),
    (READER, JOIN, False),
    (roles.IDENTITY_OPERATOR, "Microsoft.ManagedIdentity/userAssignedIdentities/x/assign/action", True),
    (roles.IDENTITY_OPERATOR, JOIN, False),
    ("00000000-1111-2222-3333-444444444444", JOIN, None),
]


@pytest.mark.parametrize(("guid", "action", "given"), BUILT_IN)
def test_built_in_roles(guid: str, action: str, given: bool | None) -> None:  # noqa: FBT001
    """Nobody exports the built-in roles; of another role that was not loaded nothing is known."""
    assert roles.allowed(assigned(guid), WHO, action, SUBNET) is given


# Where the role is given, and whether that reaches the subnet.
SCOPES = [
    ("/", True),
    ("/subscriptions/s", True),
    ("/subscriptions/S/resourceGroups/RG-network", True),
    (NETWORK.text, True),
    (SUBNET.text, True),
    (NETWORK.child("subnets", "build-2").text, False),
    ("/subscriptions/s/resourceGroups/rg", False),
    ("/subscriptions/other", False),
    ("/providers/Microsoft.Management/managementGroups/root", None),
]


@pytest.mark.parametrize(("scope", "given"), SCOPES)
def test_scopes(scope: str, given: bool | None) -> None:  # noqa: FBT001
    """An assignment holds on its scope and below; what a management group holds is not known."""
    assert roles.allowed(assigned(OWNER, ResourceId(scope)), WHO, JOIN, SUBNET) is given


def test_principals() -> None:
    """Another's role is nobody's; a group's may be the identity's, and that is not known."""
    assert roles.allowed(assigned(OWNER, principal="somebody"), WHO, JOIN, SUBNET) is False
    assert roles.allowed(assigned(OWNER, principal=WHO.upper()), WHO, JOIN, SUBNET) is True
    assert roles.allowed(assigned(OWNER, principal="group", kind="Group"), WHO, JOIN, SUBNET) is None
    assert roles.allowed(assigned(READER, principal="group", kind="Group"), WHO, JOIN, SUBNET) is False
    assert roles.allowed(replace(world(), assignments=()), WHO, JOIN, SUBNET) is False
