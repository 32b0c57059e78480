"""Every kind of fault, by its name."""

from emulator.rules.faults.guest_kinds import GUEST_KINDS
from emulator.rules.faults.kinds import KINDS, Effect

ALL: dict[str, type[Effect]] = {**KINDS, **GUEST_KINDS}
