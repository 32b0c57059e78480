"""How Azure writes virtual machines, role definitions and role assignments."""

from collections.abc import Mapping
from typing import Any

from emulator.model.access import Permission, RoleAssignment, RoleDefinition
from emulator.model.arm.findings import Place
from emulator.model.arm.kinds import ID, REFERENCE, TEXT, Kind, choice, each, parsed
from emulator.model.arm.powershell import ROLES
from emulator.model.arm.shape import Field, Shape, plain
from emulator.model.arm.terms import LOCATION
from emulator.model.arm.view import View
from emulator.model.compute import VirtualMachine
from emulator.model.ids import ResourceId

ROLE_TYPE = "Microsoft.Authorization/roleDefinitions"


def _interfaces(found: Any, place: Place) -> tuple[ResourceId, ...] | None:
    """The interfaces of `[{"id": …, "properties": {"primary": true}}]`, the primary one first."""
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        place.wrong(found, "a list of objects")
        return None
    primary = [View(item).within("primary") is True for item in found]
    read = each(REFERENCE).read(list(found), place)
    return read and tuple(one for _, one in sorted(zip(primary, read, strict=True), key=lambda both: not both[0]))


def _write_interfaces(values: Any) -> list[dict[str, Any]]:
    return [{"id": one.text, "properties": {"primary": index == 0}} for index, one in enumerate(values)]


def _tags(found: Any, place: Place) -> tuple[tuple[str, str], ...] | None:
    if isinstance(found, Mapping):
        return tuple((name, str(value)) for name, value in found.items())
    place.wrong(found, "an object of names and values")
    return None


MACHINE = Shape(
    VirtualMachine,
    (
        LOCATION,
        Field("tags", "tags", Kind(_tags, dict), beside=True),
        Field("size", "hardwareProfile.vmSize", TEXT),
        Field("system", "storageProfile.osDisk.osType", choice("Windows", "Linux", numbered=True)),
        Field(
            "interfaces",
            "networkProfile.networkInterfaces",
            Kind(_interfaces, _write_interfaces, each(REFERENCE).references),
            lossy=True,
        ),
    ),
    type="Microsoft.Compute/virtualMachines",
)


def role_id(text: str) -> ResourceId:
    """The ID of a role definition: its GUID counts, tools print scopes before it or nothing."""
    return ResourceId(ROLES + text.rstrip("/").rpartition("/")[2])


PERMISSION = Shape(
    Permission,
    (Field("actions", "actions", each(TEXT)), Field("not_actions", "notActions", each(TEXT))),
    properties=False,
)
ROLE_DEFINITION = Shape(
    RoleDefinition,
    (
        Field("role_name", "roleName", TEXT, required=True),
        Field("permissions", "permissions", plain(PERMISSION)),
        Field("scopes", "assignableScopes", each(TEXT)),
    ),
    type=ROLE_TYPE,
)
ROLE_ASSIGNMENT = Shape(
    RoleAssignment,
    (
        Field("principal", "principalId", TEXT, required=True, older=("objectId",)),
        Field("role", "roleDefinitionId", parsed(role_id, "the ID of a role definition"), required=True),
        Field("scope", "scope", ID, required=True),
        Field("role_name", "roleDefinitionName", TEXT),
    ),
    type="Microsoft.Authorization/roleAssignments",
)
