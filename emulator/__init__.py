"""The Azure Image Builder command channel on one machine.

Five nouns carry the design. A *world* is Azure's resources, frozen. *Rules* are pure functions that decide
what the world does to a flow, each verdict with its reason. *Hops* carry real connections as the rules say.
*Machines* are the build VMs at the end, reached over *channels* (SSH, WinRM). `app` joins them; `control` and
`cli` talk about them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.app.channel import Channel
    from emulator.app.questions import check, effective_rules, explain, ip_flow
    from emulator.app.run import start
    from emulator.app.worlds import load_world
    from emulator.model.world import World

__version__ = "0.1.0"
__all__ = ["Channel", "World", "__version__", "check", "effective_rules", "explain", "ip_flow", "load_world", "start"]

_LAZY = {
    "Channel": "emulator.app.channel",
    "World": "emulator.model.world",
    "check": "emulator.app.questions",
    "effective_rules": "emulator.app.questions",
    "explain": "emulator.app.questions",
    "ip_flow": "emulator.app.questions",
    "load_world": "emulator.app.worlds",
    "start": "emulator.app.run",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are used: `aib-emulator --help` must be instant."""
    if name not in _LAZY:
        raise AttributeError(f"module 'emulator' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_LAZY[name]), name)
