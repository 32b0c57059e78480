"""Virtual machines, roles and assignments as Azure writes them."""

from typing import Any

import pytest

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.arm.compute import role_id
from emulator.model.compute import VirtualMachine
from emulator.model.ids import ResourceId
from tests.documents import NETWORK, document, finding, one

KIND = "Microsoft.Compute/virtualMachines"
ROLE = "/providers/Microsoft.Authorization/roleDefinitions/0000-1"
NICS = [f"{NETWORK}/networkInterfaces/{name}" for name in "abc"]


def machine(**properties: Any) -> VirtualMachine:
    """A machine with these properties."""
    return one(VirtualMachine, document(KIND, properties))


def test_the_primary_interface_comes_first() -> None:
    """The interface marked primary is the first, the others follow in their order."""
    listed = [{"id": NICS[0]}, {"id": NICS[1], "properties": {"primary": True}}, {"id": NICS[2], "primary": False}]

    found = machine(networkProfile={"networkInterfaces": listed})

    assert [each.name for each in found.interfaces] == ["b", "a", "c"]


def test_what_a_machine_says() -> None:
    """Size, operating system and tags are read; PowerShell numbers the operating system."""
    found = machine(hardwareProfile={"vmSize": "Standard_A1_v2"}, storageProfile={"osDisk": {"osType": 0}})
    tagged = one(VirtualMachine, document(KIND, {}, tags={"Role": "proxy", "n": 5}))

    assert (found.size, found.system, found.interfaces) == ("Standard_A1_v2", "Windows", ())
    assert (tagged.tags, tagged.tag["role"], tagged.system) == ((("Role", "proxy"), ("n", "5")), "proxy", None)


WRONG: list[tuple[dict[str, Any], str]] = [
    (document(KIND, {}, tags=["a"]), "tags: found a list of 1, expected an object of names and values"),
    (
        document(KIND, {"networkProfile": {"networkInterfaces": {}}}),
        "found an object of 0, expected a list of objects",
    ),
    (
        document(KIND, {"networkProfile": {"networkInterfaces": ["/n"]}}),
        "found a list of 1, expected a list of object",
    ),
    (
        document(KIND, {"networkProfile": {"networkInterfaces": [{"id": 5}]}}),
        "networkProfile.networkInterfaces[0].id: found 5, expected a resource ID",
    ),
    (document(KIND, {"storageProfile": {"osDisk": {"osType": "BSD"}}}), "expected one of Windows, Linux"),
]


@pytest.mark.parametrize(("value", "expected"), WRONG)
def test_what_is_no_machine(value: dict[str, Any], expected: str) -> None:
    """A wrong field of a machine is named."""
    assert expected in finding(value)


@pytest.mark.parametrize(
    "text", ["0000-1", ROLE, f"/subscriptions/s{ROLE}", f"/subscriptions/s{ROLE}/", ROLE.upper()]
)
def test_the_guid_of_a_role_counts(text: str) -> None:
    """Tools print scopes before a role's ID, or the GUID alone: it is one role."""
    assert role_id(text) == ResourceId(ROLE)


def test_a_role() -> None:
    """A role has its name, its permissions and the scopes that it may be given on."""
    permissions = [{"actions": ["a/read"], "notActions": ["b/*"], "dataActions": ["c"]}, {}]
    properties = {"roleName": "Reader", "permissions": permissions, "assignableScopes": ["/"]}
    found = one(RoleDefinition, {"id": f"/subscriptions/s{ROLE}", "properties": properties})

    assert found.id == ResourceId(ROLE)
    assert (found.role_name, found.scopes) == ("Reader", ("/",))
    assert found.permissions == (Permission(("a/read",), ("b/*",)), Permission())
    assert found.permissions[0].kept.within == {"dataActions": ["c"]}


def test_an_assignment() -> None:
    """An assignment gives a role to a principal on a scope; what it lacks of these is named."""
    kind = "Microsoft.Authorization/roleAssignments"
    good = {"principalId": "p", "roleDefinitionId": f"/subscriptions/s{ROLE}", "scope": "/subscriptions/s"}
    found = one(RoleAssignment, document(kind, {**good, "roleDefinitionName": "Reader"}))

    assert (found.principal, found.role, found.scope) == ("p", ResourceId(ROLE), ResourceId("/subscriptions/s"))
    assert found.role_name == "Reader"
    for field in good:
        assert finding(document(kind, {**good, field: None})) == f"{field}: found nothing, expected a value"
