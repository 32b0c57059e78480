"""Whether an identity may do something: role assignments, and the roles they give.

https://learn.microsoft.com/azure/role-based-access-control/role-definitions: an action is allowed where a permission
has it among its actions and not among its notActions; `*` stands for any text. An assignment holds on its scope and
on all below it.
"""

import re
from collections.abc import Iterator, Mapping

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.ids import ResourceId
from emulator.model.world import World

EVERYDAY = (
    "Microsoft.Authorization/*/read",
    "Microsoft.Insights/alertRules/*",
    "Microsoft.Resources/deployments/*",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Support/*",
)
NOT_CONTRIBUTED = (
    "Microsoft.Authorization/*/Delete",
    "Microsoft.Authorization/*/Write",
    "Microsoft.Authorization/elevateAccess/Action",
    "Microsoft.Blueprint/blueprintAssignments/write",
    "Microsoft.Blueprint/blueprintAssignments/delete",
    "Microsoft.Compute/galleries/share/action",
    "Microsoft.Purview/consents/write",
    "Microsoft.Purview/consents/delete",
)
NETWORK_CONTRIBUTOR = "4d97b98b-1d4f-4787-a291-c67834d212e7"
IDENTITY_OPERATOR = "f1a07417-d97a-45cb-824c-7a7467783830"
BUILT_IN: Mapping[str, Permission] = {
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635": Permission(("*",)),
    "b24988ac-6180-42a0-ab88-20f7382dd24c": Permission(("*",), NOT_CONTRIBUTED),
    "acdd72a7-3385-48ef-bd42-f606fba81ae7": Permission(("*/read",)),
    NETWORK_CONTRIBUTOR: Permission(
        ("Microsoft.Network/*", "Microsoft.ResourceHealth/availabilityStatuses/read", *EVERYDAY)
    ),
    IDENTITY_OPERATOR: Permission(
        (
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/read",
            "Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action",
            *EVERYDAY,
        )
    ),
}
"""Owner, Contributor, Reader, Network Contributor and Managed Identity Operator, which nobody exports
(https://learn.microsoft.com/azure/role-based-access-control/built-in-roles)."""
MANAGEMENT_GROUP = "/providers/microsoft.management/managementgroups/"


def allowed(world: World, principal: str, action: str, resource: ResourceId) -> bool | None:
    """Whether a principal may do an action at a resource; None where what was loaded does not tell.

    It does not tell of roles that were not loaded, of scopes that are management groups, and of who is in a group.
    """
    unsure = False
    for assignment in world.assignments:
        own = assignment.principal.lower() == principal.lower()
        if (own or _is_group(assignment)) and _reaches(assignment, resource):
            given = _gives(world, assignment.role, action)
            if given and own and not _is_managed(assignment):
                return True
            unsure = unsure or given is not False
    return None if unsure else False


def _reaches(assignment: RoleAssignment, resource: ResourceId) -> bool:
    return resource.is_within(assignment.scope) or _is_managed(assignment)


def _is_managed(assignment: RoleAssignment) -> bool:
    """Whether its scope is a management group, of which nobody knows here what it holds."""
    return assignment.scope.key.startswith(MANAGEMENT_GROUP)


def _is_group(assignment: RoleAssignment) -> bool:
    kinds = {
        str(value).lower() for name, value in _words(assignment) if name.lower() in ("principaltype", "objecttype")
    }
    return "group" in kinds


def _words(assignment: RoleAssignment) -> Iterator[tuple[str, object]]:
    yield from assignment.kept.within.items()
    yield from assignment.kept.beside.items()


def _gives(world: World, role: ResourceId, action: str) -> bool | None:
    """Whether a role gives an action; None where its definition was not loaded."""
    definition: RoleDefinition | None = world.find("roles", role)
    if definition is not None:
        return gives(definition, action)
    built_in = BUILT_IN.get(role.name.lower())
    return _permits(built_in, action) if built_in else None


def gives(role: RoleDefinition, action: str) -> bool:
    """Whether a role gives an action."""
    return any(_permits(permission, action) for permission in role.permissions)


def _permits(permission: Permission, action: str) -> bool:
    return _listed(permission.actions, action) and not _listed(permission.not_actions, action)


def _listed(patterns: tuple[str, ...], action: str) -> bool:
    return any(_pattern(each).fullmatch(action) for each in patterns)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.IGNORECASE)
