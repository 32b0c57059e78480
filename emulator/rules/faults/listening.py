"""What the faults of a listener make of its posture: connection attempts dropped or refused, all or a share."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, replace

from emulator.reason import Outcome, Reason, Verdict
from emulator.rules.distribution import mix
from emulator.rules.faults.fault import Fault, draw
from emulator.rules.faults.kinds import DropSyn, Flap, Mute, NatPorts, Refuse, SlowAccept
from emulator.rules.posture import Answer, Posture, SourceClass, Spread

PARTS = 100
"""A share of attempts is dropped in steps of a hundredth: the kernel's filter draws by hashing the source port."""


@dataclass(frozen=True, slots=True)
class Laid:
    """A fault at a listener, and since when.

    Attributes:
        since: when it was added; emulated seconds.
    """

    fault: Fault
    since: float

    @property
    def is_for_all(self) -> bool:
        """Whether it is for every attempt, and not for a share or a single one."""
        return self.fault.share >= 1 and not self.fault.nth

    def is_over(self, now: float) -> bool:
        """Whether it has lasted as long as it was to."""
        return bool(self.fault.lasts) and now - self.since >= self.fault.lasts

    def answer(self, now: float) -> Answer | None:
        """What it makes of an attempt; None where it has no say now."""
        effect, age = self.fault.effect, now - self.since
        if self.is_over(now):
            return None
        match effect:
            case DropSyn():
                return Answer.DROP
            case Refuse():
                return Answer.REFUSE
            case Flap(down=down, up=up):
                return Answer.REFUSE if age % (down + up) < down else None
        return None

    def next_time(self, now: float) -> float | None:
        """When its answer changes by itself."""
        age, lasts = now - self.since, self.fault.lasts
        times = [self.since + lasts] if lasts and age < lasts else []
        if isinstance(self.fault.effect, Flap) and (not lasts or age < lasts):
            down, cycle = self.fault.effect.down, self.fault.effect.down + self.fault.effect.up
            within = age % cycle
            times.append(now - within + (down if within < down else cycle))
        return min(times, default=None)


def failing(laid: Iterable[Laid], now: float) -> frozenset[tuple[str, Verdict]]:
    """The hops at which every attempt fails now, and the verdict of what lets it."""
    return frozenset(
        (each.fault.hop, verdict(each.fault)) for each in laid if each.is_for_all and each.answer(now) is not None
    )


def least_ports(laid: Iterable[Laid], now: float) -> tuple[int, Verdict] | None:
    """How many NAT ports the faults leave private link for a proxy, and the verdict of the one that leaves least."""
    found = (
        (each.fault.effect.ports, verdict(each.fault))
        for each in laid
        if isinstance(each.fault.effect, NatPorts) and not each.is_over(now)
    )
    return min(found, key=lambda each: each[0], default=None)


def laid_over(
    posture: Posture, laid: Iterable[Laid], now: float, spared: Container[str] = (), *, shares: bool = True
) -> Posture:
    """The posture with the first fault that has a say laid over what it lets in; one for the nth attempt has none.

    Args:
        posture: what is met without faults.
        laid: the listener's faults.
        now: emulated seconds.
        spared: sources that fare as ever: a health probe, so that it stays green where data dies.
        shares: whether a share of attempts is dropped here, or once they are accepted; one is refused only then,
            since a listener cannot refuse some sources and answer others. No source may be spread already.
    """
    for each in laid:
        answer = each.answer(now)
        decides = each.is_for_all or (shares and not each.fault.nth and answer is Answer.DROP)
        if decides and answer is not None:
            return Posture(
                tuple(
                    source if source.address in spared else _under(each.fault, source, answer)
                    for source in posture.classes
                )
            )
    return posture


def _under(fault: Fault, source: SourceClass, answer: Answer) -> SourceClass:
    if isinstance(source.answer, Spread):  # the balancer's own hash decides already: what it lets in, all falls
        fallen = tuple((name, answer if each is Answer.OPEN else each) for name, each in source.answer.backends)
        return replace(source, answer=replace(source.answer, backends=fallen))
    if source.answer is not Answer.OPEN:
        return source
    if fault.share >= 1:
        return replace(source, answer=answer)
    falling = max(1, min(PARTS - 1, round(fault.share * PARTS)))
    parts = tuple(
        (mix(int(draw(fault.seed, fault.name, part) * 2**32)), answer if part < falling else Answer.OPEN)
        for part in range(PARTS)
    )
    return replace(
        source, answer=Spread(mix(int(draw(fault.seed, fault.name) * 2**32)), by_port=True, backends=parts)
    )


def at_accept(laid: Iterable[Laid], number: int, now: float, *, shares: bool = False) -> Fault | None:
    """What keeps an accepted connection from being served: a mute or slow listener, or a fault for this one alone.

    `shares`: whether a fault for a share of attempts is decided here too.
    """
    for each in laid:
        fault, over = each.fault, each.is_over(now)
        answer = each.answer(now)
        alone = bool(fault.nth) or (fault.share < 1 and (shares or answer is Answer.REFUSE))
        late = isinstance(fault.effect, (Mute, SlowAccept)) or (alone and answer is not None)
        if late and not over and fault.touches(number):
            return fault
    return None


def verdict(fault: Fault) -> Verdict:
    """The verdict of a fault that keeps a connection from being made."""
    refused = isinstance(fault.effect, (Refuse, Flap))
    sentence = f"fault {fault.name} ({fault.effect.kind} at {fault.hop})"
    reason = Reason("fault", "", fault.name)
    return Verdict(Outcome.REFUSED if refused else Outcome.DROPPED, reason, sentence)
