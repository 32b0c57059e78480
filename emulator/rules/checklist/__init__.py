"""The documentation's checklist for a build's network, and what failure reports add to it: `findings` of a world.

`finding` is the value and what an item is; the items stand by theme in `security`, `routes`, `subnet`, `containers`,
`egress`, `link`, `idle`, `access` and `template`; `registry` lists them in order. They decide nothing themselves:
they ask the decisions of `emulator.rules`, and `mends` words the command that mends what was found.
"""

from emulator.rules.checklist.finding import Finding, State
from emulator.rules.checklist.registry import findings

__all__ = ["Finding", "State", "findings"]
