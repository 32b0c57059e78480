"""What a running emulator says of itself: the fields of `status --json` (design section 5)."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from emulator.model.switches import ProxyMode, Switches

HopState = Literal["up", "down", "stopped", "absent"]


@dataclass(frozen=True, slots=True)
class Exact:
    """An address at which drops and refusals are true to the packet."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a client reaches one build VM.

    Attributes:
        mode: what the proxy VM speaks, where that is not `tcp-forward`; see `switches.proxy_mode`.
        target: what a client asks it for then, `address:port`.
    """

    host: str
    port: int
    username: str
    password: str
    private_key: str
    exact: Exact
    url: str | None = None
    mode: ProxyMode | None = None
    target: str | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop: Azure's address, where it is on this machine, its state and a word about it."""

    name: str
    address: str
    local: str
    state: HopState
    detail: str


@dataclass(frozen=True, slots=True)
class PathState:
    """How the trial of one system's path ended: carried, or denied by what `reason` names."""

    outcome: Literal["carried", "denied", "absent", "failed"]
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole answer.

    Attributes:
        warnings: what is odd about the documents of the world.
        time_scale: emulated seconds in a real one.
        builds: the image builds that it knows of, each with what it has deployed.
        switches: by which it decides.
    """

    ready: bool
    runtime: str
    topology: str
    control: str
    endpoints: dict[str, Endpoint]
    hops: tuple[Hop, ...]
    paths: dict[str, PathState]
    approximated: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    time_scale: float = 1.0
    builds: tuple[dict[str, Any], ...] = ()
    switches: Switches = field(default_factory=Switches)

    def as_json(self) -> dict[str, Any]:
        """As `status --json` prints it."""
        values = asdict(self)
        for endpoint in values["endpoints"].values():
            for name in ("url", "mode", "target"):
                if endpoint[name] is None:
                    del endpoint[name]
        return values
