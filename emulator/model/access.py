"""Role definitions and assignments: who may do what, where."""

from dataclasses import dataclass, field

from emulator.model.ids import ResourceId
from emulator.model.kept import NOTHING, Kept


@dataclass(frozen=True, slots=True)
class Permission:
    """Actions that a role allows but for some; each may end in `*`."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RoleDefinition:
    """A role; `role_name` is what people call it."""

    id: ResourceId
    role_name: str
    permissions: tuple[Permission, ...] = ()
    scopes: tuple[str, ...] = ()
    kept: Kept = field(default=NOTHING, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RoleAssignment:
    """A role given to a principal on a scope and all below it.

    Attributes:
        principal: the principal's object ID.
        role_name: the role's name, where the tool that exported it prints it.
    """

    id: ResourceId
    principal: str
    role: ResourceId
    scope: ResourceId
    role_name: str = field(default="", compare=False)
    kept: Kept = field(default=NOTHING, compare=False, repr=False)
