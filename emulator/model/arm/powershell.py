"""What Azure PowerShell prints in a form of its own, put into REST's; the rest differs only in the case of names.

Roles have neither `properties` nor full IDs, and image templates come with nested objects drawn into one
(https://learn.microsoft.com/powershell/module/az.resources/get-azroledefinition,
https://learn.microsoft.com/powershell/module/az.imagebuilder/get-azimagebuildertemplate).
"""

from collections.abc import Callable, Mapping
from typing import Any

Raw = Mapping[str, Any]
ROLES = "/providers/Microsoft.Authorization/roleDefinitions/"
TEMPLATE = {
    "vmprofilevmsize": ("vmProfile", "vmSize"),
    "vmprofileosdisksizegb": ("vmProfile", "osDiskSizeGB"),
    "vmprofileuserassignedidentity": ("vmProfile", "userAssignedIdentities"),
    "vnetconfigsubnetid": ("vmProfile", "vnetConfig", "subnetId"),
    "vnetconfigcontainerinstancesubnetid": ("vmProfile", "vnetConfig", "containerInstanceSubnetId"),
    "vnetconfigproxyvmsize": ("vmProfile", "vnetConfig", "proxyVmSize"),
    "identitytype": ("identity", "type"),
    "identityuserassignedidentity": ("identity", "userAssignedIdentities"),
    "buildtimeoutinminute": ("buildTimeoutInMinutes",),
    "tag": ("tags",),
}
"""Names of `Get-AzImageBuilderTemplate`, in lower case, and the paths they have in REST."""


def as_rest(raw: Raw) -> Raw:
    """A resource in one of these forms as REST names its fields; any other as it is."""
    keys = {key.lower() for key in raw}
    for marks, convert in FORMS:
        if marks <= keys:
            return convert(raw)
    return raw


def _role(raw: Raw) -> Raw:
    """`Get-AzRoleDefinition`, and role files: `Name`, `Actions`, `AssignableScopes`."""
    keys = {key.lower(): value for key, value in raw.items()}
    name = keys.get("name") or ""
    permission = {"actions": keys.get("actions") or [], "notActions": keys.get("notactions") or []}
    properties = {
        "roleName": name,
        "permissions": [permission],
        "assignableScopes": keys.get("assignablescopes") or [],
        "description": keys.get("description") or "",
        "type": "CustomRole" if keys.get("iscustom") else "BuiltInRole",
    }
    identity = keys.get("id") or name
    return {"id": f"{ROLES}{identity}", "name": str(identity), "properties": properties}


def _assignment(raw: Raw) -> Raw:
    """`Get-AzRoleAssignment`: the ID is called `RoleAssignmentId`."""
    identity = next(value for key, value in raw.items() if key.lower() == "roleassignmentid")
    return {"id": identity, **raw}


def _template(raw: Raw) -> Raw:
    """`Get-AzImageBuilderTemplate`: nested objects are drawn into one."""
    found: dict[str, Any] = {}
    for key, value in raw.items():
        *way, last = TEMPLATE.get(key.lower(), (key,))
        home = found
        for step in way:
            inner = home.get(step)
            home[step] = home = dict(inner) if isinstance(inner, Mapping) else {}
        if value is not None:
            home[last] = value
    return found


FORMS: tuple[tuple[frozenset[str], Callable[[Raw], Raw]], ...] = (
    (frozenset({"actions", "assignablescopes"}), _role),
    (frozenset({"roleassignmentid", "scope"}), _assignment),
    (frozenset({"vmprofilevmsize", "customize", "distribute"}), _template),
)
"""What tells each form, by names in lower case."""
