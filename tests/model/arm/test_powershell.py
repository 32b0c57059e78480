"""PowerShell's own forms: put into REST's they are the same resources."""

from typing import Any

import pytest

from emulator.model.access import RoleAssignment, RoleDefinition
from emulator.model.arm.powershell import as_rest
from emulator.model.ids import ResourceId
from emulator.model.image import ImageTemplate
from tests.documents import document, finding, one

KIND = "Microsoft.VirtualMachineImages/imageTemplates"
ROLE = {
    "Name": "Image Role",
    "Id": "1-2",
    "IsCustom": True,
    "Description": "d",
    "Actions": ["a/read"],
    "NotActions": [],
    "AssignableScopes": ["/subscriptions/s"],
}


def test_a_role() -> None:
    """`Get-AzRoleDefinition` and role files have no `properties`: they are a role with one permission."""
    found = one(RoleDefinition, ROLE)

    assert (found.id, found.role_name) == (
        ResourceId("/providers/Microsoft.Authorization/roleDefinitions/1-2"),
        "Image Role",
    )
    assert [each.actions for each in found.permissions] == [("a/read",)]
    assert (found.scopes, found.kept.within) == (("/subscriptions/s",), {"description": "d", "type": "CustomRole"})


def test_a_role_file() -> None:
    """A role that Azure does not know yet has its name for an ID, and may say nothing else."""
    found = one(RoleDefinition, {"name": "New", "actions": None, "assignableScopes": None})

    assert (found.id.name, found.permissions[0].actions, found.scopes) == ("New", (), ())
    assert found.kept.within["type"] == "BuiltInRole"
    assert "id: found" in finding({"actions": [], "assignableScopes": []})


def test_an_assignment() -> None:
    """`Get-AzRoleAssignment` calls the ID by another name."""
    identity = "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a"
    raw = {"RoleAssignmentId": identity, "ObjectId": "p", "RoleDefinitionId": "1-2", "Scope": "/subscriptions/s"}
    found = one(RoleAssignment, raw)

    assert (found.id, found.principal, found.role.name) == (ResourceId(identity), "p", "1-2")


FLAT: dict[str, Any] = {
    "Id": document(KIND, {})["id"],
    "Customize": [],
    "Distribute": [],
    "VMProfileVmsize": "size",
    "VMProfileOsdiskSizeGb": 30,
    "VMProfileUserAssignedIdentity": ["/i/b"],
    "VnetConfigSubnetId": "/s",
    "VnetConfigContainerInstanceSubnetId": "/c",
    "VnetConfigProxyVMSize": None,
    "IdentityType": "UserAssigned",
    "IdentityUserAssignedIdentity": {"/i/a": {"PrincipalId": "p"}},
    "BuildTimeoutInMinute": 60,
    "Tag": {"a": "b"},
}


def test_a_template() -> None:
    """`Get-AzImageBuilderTemplate` draws nested objects into one: they are put where REST has them."""
    found = one(ImageTemplate, FLAT)

    assert found.network
    assert (found.network.subnet, found.network.container_subnet) == (ResourceId("/s"), ResourceId("/c"))
    assert (found.network.proxy_size, found.vm_size) == (None, "size")
    assert (found.identities, found.build_identities) == (((ResourceId("/i/a"), "p"),), (ResourceId("/i/b"),))
    assert (found.properties["buildTimeoutInMinutes"], found.kept.beside["tags"]) == (60, {"a": "b"})


@pytest.mark.parametrize("own", [5, "x", [1], {"kept": 1}])
def test_a_template_with_a_field_of_the_nested_name(own: Any) -> None:
    """A field that has the name of the nested object gives way, and the document stays as it was."""
    raw = {"vmProfile": own, **FLAT}

    found = as_rest(raw)

    assert found["vmProfile"]["vmSize"] == "size"
    assert raw == {"vmProfile": own, **FLAT}
    assert one(ImageTemplate, raw).vm_size == "size"


def test_other_forms_stay() -> None:
    """What is in no form of PowerShell's own is left alone."""
    raw = {"id": "/x", "properties": {"actions": []}}

    assert as_rest(raw) is raw
