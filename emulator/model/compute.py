"""Virtual machines, as far as the channel cares."""

from dataclasses import dataclass
from typing import Literal

from emulator.model.ids import ResourceId

Role = Literal["client", "proxy", "build-linux", "build-windows"]


@dataclass(frozen=True, slots=True)
class VirtualMachine:
    """A virtual machine with one interface; `hop` is its name on the channel (`proxy`, `proxy-2`, …)."""

    id: ResourceId
    role: Role
    hop: str
    interface: ResourceId
    size: str = "Standard_D2ds_v4"
    location: str = "westeurope"
