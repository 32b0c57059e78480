"""What control and its hops tell each other, one JSON object a message, over a web socket."""

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from emulator.errors import PeerError
from emulator.rules.condition import Silence

FleetRole = Literal["load-balancer", "proxy", "gateway"]
FLEET_ROLES: tuple[FleetRole, ...] = ("load-balancer", "proxy", "gateway")
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""A world can hold all that a subscription has."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A hop's first word, and said again when its address changed.

    Attributes:
        instance: names the process's machine; a hop that comes back under it takes its old place.
        address: where other hops reach it.
        place: its number among the hops of its role, where it has one already; 0 for any.
        key: the hop header's key that it was told, if it was, so that a control that was started anew keeps it.
    """

    role: FleetRole
    instance: str
    address: str
    place: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Scenery:
    """What a hop plays, whole; each one replaces the last.

    Attributes:
        hop: the hop's name on the channel.
        key: the hop header's HMAC key, hexadecimal.
        world: the world, as `fleet.world` writes it.
        time_scale: emulated seconds in a real one.
        places: Azure addresses of proxies, and where their machines are.
        flow_logs: whether control writes flow logs, and wants to hear of flows.
        stopped: hops whose service does not listen.
        silent: pairs of a hop and why its machine answers nothing.
        outbound: the settings of that name: `map` and `dial`.
        faults: as `rules.faults.reading.values_of` writes them.
    """

    hop: str
    key: str
    world: dict[str, Any]
    time_scale: float = 1.0
    places: dict[str, str] = field(default_factory=dict)
    flow_logs: bool = False
    stopped: tuple[str, ...] = ()
    silent: tuple[tuple[str, Silence], ...] = ()
    faults: tuple[dict[str, Any], ...] = ()
    outbound: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """How a hop is.

    Attributes:
        state: `up` once it serves.
        local: where it listens.
        healthy: pairs of probe ID and interface ID that the balancer believes to be up.
        paths: by system, how the trial of its path ended: outcome and reason.
        approximated: what this hop cannot play to the packet.
    """

    state: Literal["up", "down"]
    detail: str = ""
    local: str = ""
    healthy: tuple[tuple[str, str], ...] = ()
    paths: dict[str, tuple[str, str]] = field(default_factory=dict)
    approximated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a hop, as `observe.as_json` writes it."""

    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Logged:
    """What a flow log has of a flow, as `dataclasses.asdict` writes a `wire.flow_log.Tuple`."""

    flow: dict[str, Any]


Message = Hello | Scenery | Report | Happened | Logged
KINDS: dict[str, type[Any]] = {each.__name__.lower(): each for each in (Hello, Scenery, Report, Happened, Logged)}
One = TypeVar("One", Hello, Scenery, Report, Happened, Logged)


def place_of(hop: str) -> int:
    """The place of a hop among those of its role: `proxy` is 1, `proxy-2` is 2."""
    number = hop.rpartition("-")[2]
    return int(number) if number.isdecimal() else 1


def encode(message: Message) -> str:
    """A message as text."""
    return json.dumps({"kind": type(message).__name__.lower(), **dataclasses.asdict(message)})


def decode(text: str) -> Message:
    """The message in a text.

    Raises:
        PeerError: it is none.
    """
    try:
        fields = json.loads(text)
        found: Message = KINDS[fields.pop("kind")](**fields)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise PeerError(f"a message between hops is malformed: {error!r}") from None
    return found
