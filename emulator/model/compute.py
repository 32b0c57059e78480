"""Virtual machines, and the hops of the channel that they play."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from emulator.model.ids import ResourceId
from emulator.model.kept import NOTHING, Kept

Role = Literal["client", "proxy", "build-linux", "build-windows"]
OperatingSystem = Literal["Linux", "Windows"]


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A virtual machine; its first interface is its primary one."""

    id: ResourceId
    interfaces: tuple[ResourceId, ...] = ()
    size: str = "Standard_D2ds_v4"
    system: OperatingSystem | None = None
    location: str = "westeurope"
    tags: tuple[tuple[str, str], ...] = ()
    kept: Kept = field(default=NOTHING, compare=False, repr=False)

    @property
    def tag(self) -> Mapping[str, str]:
        """Its tags by name in lower case: Azure compares tag names without case."""
        return {name.lower(): value for name, value in self.tags}


@dataclass(frozen=True, slots=True)
class Member:
    """A virtual machine that plays a hop of the channel; `hop` is its name there (`proxy`, `proxy-2`, …)."""

    id: ResourceId
    role: Role
    hop: str
    interface: ResourceId
