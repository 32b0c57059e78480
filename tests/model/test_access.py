"""Roles and their assignments: what makes two of them the same."""

from dataclasses import replace

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.ids import ResourceId, resource_id

ROLE = ResourceId("/providers/Microsoft.Authorization/roleDefinitions/4d97b98b")
ASSIGNMENT = RoleAssignment(
    resource_id("Microsoft.Authorization/roleAssignments", "a"),
    "principal",
    ROLE,
    ResourceId("/subscriptions/s/resourceGroups/net"),
)


def test_the_printed_name_of_a_role_does_not_count() -> None:
    """An assignment is the same whether or not the tool that exported it printed the role's name."""
    assert replace(ASSIGNMENT, role_name="Network Contributor") == ASSIGNMENT
    assert replace(ASSIGNMENT, principal="another") != ASSIGNMENT


def test_scopes_are_compared_as_ids() -> None:
    """The case of a scope and a last slash make no difference."""
    assert replace(ASSIGNMENT, scope=ResourceId("/SUBSCRIPTIONS/s/resourceGroups/NET/")) == ASSIGNMENT


def test_what_a_role_does_not_say() -> None:
    """A role without permissions allows nothing, and a permission without exceptions has none."""
    assert (RoleDefinition(ROLE, "r").permissions, Permission(("*",)).not_actions) == ((), ())
