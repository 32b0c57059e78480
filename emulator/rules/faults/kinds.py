"""The kinds of faults, one small class each: what a user calls it, and its settings with their limits.

Times are emulated seconds. What a kind does to a connection is said in its docstring, and so in the help.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

Where = Literal["stream", "packet", "accept", "end", "link", "linux", "windows"]
DAY = 86_400.0


def limits(least: float, most: float, *, default: float | None = None) -> Any:
    """A number within limits, both included; without a default it must be given."""
    metadata = {"least": least, "most": most}
    return field(metadata=metadata) if default is None else field(default=default, metadata=metadata)


def one_of(*names: str) -> Any:
    """A word out of several, the first by default."""
    return field(default=names[0], metadata={"names": names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a fault does.

    Attributes:
        kind: its name.
        where: what plays it: the bytes of a `stream`, the `packet`s of a socket, the `accept` at a listener, the
            `end` of a connection, private link's own state, or a build VM.
        loses: whether bytes may be lost, repeated or changed; no other kind does that to a connection that ends well.
    """

    kind: ClassVar[str]
    where: ClassVar[Where]
    loses: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Effect):
    """Each byte comes `seconds` later, give or take up to `jitter`; never out of order."""

    kind: ClassVar[str] = "delay"
    where: ClassVar[Where] = "stream"
    seconds: float = limits(0, 3600)
    jitter: float = limits(0, 3600, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Effect):
    """At most `kilobytes_per_second` (1,000 bytes each) pass, each way for itself."""

    kind: ClassVar[str] = "rate"
    where: ClassVar[Where] = "stream"
    kilobytes_per_second: float = limits(0.01, 10_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Effect):
    """The stream is cut into pieces of at most `size` bytes, `seconds` apart."""

    kind: ClassVar[str] = "slice"
    where: ClassVar[Where] = "stream"
    size: int = limits(1, 1_000_000)
    seconds: float = limits(0, 3600, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(Effect):
    """Nothing passes for `seconds`, then all that waited; 0 is until the fault is removed."""

    kind: ClassVar[str] = "stall"
    where: ClassVar[Where] = "stream"
    seconds: float = limits(0, DAY, default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose(Effect):
    """A FIN comes `seconds` after the last byte."""

    kind: ClassVar[str] = "slow-close"
    where: ClassVar[Where] = "stream"
    seconds: float = limits(0, DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrupt(Effect):
    """One bit in about every `every` bytes is the other way round."""

    kind: ClassVar[str] = "corrupt"
    where: ClassVar[Where] = "stream"
    loses: ClassVar[bool] = True
    every: int = limits(1, 1_000_000_000, default=1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate(Effect):
    """All bytes from there on are thrown away; the connection stays, and its end comes as ever."""

    kind: ClassVar[str] = "truncate"
    where: ClassVar[Where] = "stream"
    loses: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfClose(Effect):
    """A FIN that nobody sent: the stream ends there, while the other way goes on."""

    kind: ClassVar[str] = "half-close"
    where: ClassVar[Where] = "stream"
    loses: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Effect):
    """A FIN to both sides."""

    kind: ClassVar[str] = "close"
    where: ClassVar[Where] = "end"
    loses: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Effect):
    """A RST, to both sides or to one; the other then sees a FIN."""

    kind: ClassVar[str] = "reset"
    where: ClassVar[Where] = "end"
    loses: ClassVar[bool] = True
    side: Literal["both", "client", "backend"] = one_of("both", "client", "backend")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlackHole(Effect):
    """The open connection is forgotten: no byte, no ACK, no FIN, no RST to either side any more."""

    kind: ClassVar[str] = "black-hole"
    where: ClassVar[Where] = "end"
    loses: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OneWay(Effect):
    """Packets of one direction vanish: its sender is never acknowledged, while the other direction still passes."""

    kind: ClassVar[str] = "one-way"
    where: ClassVar[Where] = "packet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Effect):
    """Of the packets that come in, `percent` are lost; TCP sends them again."""

    kind: ClassVar[str] = "loss"
    where: ClassVar[Where] = "packet"
    percent: float = limits(0, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstLoss(Effect):
    """Every packet is lost for `seconds`, then none for `between` seconds, and so on."""

    kind: ClassVar[str] = "burst-loss"
    where: ClassVar[Where] = "packet"
    seconds: float = limits(0.001, 3600)
    between: float = limits(0.001, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mtu(Effect):
    """Packets with more than `size` bytes of IP vanish without an ICMP message: a path-MTU black hole."""

    kind: ClassVar[str] = "mtu"
    where: ClassVar[Where] = "packet"
    size: int = limits(68, 65_535, default=1400)


@dataclass(frozen=True, slots=True, kw_only=True)
class DropSyn(Effect):
    """A connection attempt is never answered."""

    kind: ClassVar[str] = "drop-syn"
    where: ClassVar[Where] = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse(Effect):
    """A connection attempt is answered with RST."""

    kind: ClassVar[str] = "refuse"
    where: ClassVar[Where] = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flap(Effect):
    """The listener refuses for `down` seconds, then listens for `up` seconds, and so on."""

    kind: ClassVar[str] = "flap"
    where: ClassVar[Where] = "accept"
    down: float = limits(0.01, 3600)
    up: float = limits(0.01, 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowAccept(Effect):
    """A connection is established at once, but nobody serves it for `seconds`."""

    kind: ClassVar[str] = "slow-accept"
    where: ClassVar[Where] = "accept"
    seconds: float = limits(0, DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(Effect):
    """A connection is established and never answered."""

    kind: ClassVar[str] = "mute"
    where: ClassVar[Where] = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class NatPorts(Effect):
    """Private link has `ports` NAT ports in all for each proxy VM; once they are taken no attempt is answered."""

    kind: ClassVar[str] = "nat-ports"
    where: ClassVar[Where] = "link"
    ports: int = limits(0, 65_536, default=0)


KINDS: dict[str, type[Effect]] = {
    cast("Any", each).kind: each
    for each in (
        *(Delay, Rate, Slice, Stall, SlowClose, Corrupt, Truncate, HalfClose),
        *(Close, Reset, BlackHole),
        *(OneWay, Loss, BurstLoss, Mtu),
        *(DropSyn, Refuse, Flap, SlowAccept, Mute, NatPorts),
    )
}
"""Every kind, by its name."""
