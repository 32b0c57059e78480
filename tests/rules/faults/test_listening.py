"""What faults make of a listener's answers."""

import pytest

from emulator.reason import Outcome
from emulator.rules.faults.fault import Fault
from emulator.rules.faults.kinds import DropSyn, Effect, Flap, Mute, NatPorts, Refuse, SlowAccept
from emulator.rules.faults.listening import Laid, at_accept, failing, laid_over, least_ports, verdict
from emulator.rules.posture import Answer, Posture, SourceClass, Spread

OPEN = Posture.to_all(Answer.OPEN)
PORTS = (0, 65535)


def laid(effect: Effect, **fields: object) -> Laid:
    """A fault since time 100."""
    return Laid(Fault("it", effect, "proxy", **fields), 100)  # type: ignore[arg-type]


def test_all_attempts_fall() -> None:
    """A fault for all gives its answer to all that would be let in."""
    assert laid_over(OPEN, [laid(DropSyn())], 100) == Posture.to_all(Answer.DROP)
    assert laid_over(OPEN, [laid(Refuse())], 100) == Posture.to_all(Answer.REFUSE)


def test_what_the_world_drops_stays_dropped() -> None:
    """A refusal is not heard where rules drop the attempt before."""
    posture = Posture((SourceClass("127.0.0.1", PORTS, Answer.DROP), SourceClass(None, PORTS, Answer.OPEN)))
    found = laid_over(posture, [laid(Refuse())], 100)

    assert found.answer("127.0.0.1", 5) is Answer.DROP
    assert found.answer("127.0.0.2", 5) is Answer.REFUSE


def test_a_spared_source_fares_as_ever() -> None:
    """A health probe stays green."""
    posture = Posture((SourceClass("127.0.0.1", PORTS, Answer.OPEN), SourceClass(None, PORTS, Answer.OPEN)))
    found = laid_over(posture, [laid(DropSyn())], 100, ["127.0.0.1"])

    assert found.answer("127.0.0.1", 5) is Answer.OPEN
    assert found.answer("127.0.0.2", 5) is Answer.DROP


def falls(share: float, seed: int, port: int) -> bool:
    """Whether an attempt from a port falls."""
    return laid_over(OPEN, [laid(DropSyn(), share=share, seed=seed)], 100).answer("127.0.0.1", port) is Answer.DROP


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_a_share_of_attempts_falls_by_source_port(share: float) -> None:
    """About the share of ports falls, the same ones for the same seed, others for another."""
    fallen = [{port for port in range(30_000, 32_000) if falls(share, seed, port)} for seed in (1, 1, 2)]

    assert fallen[0] == fallen[1] != fallen[2]
    assert abs(len(fallen[0]) / 2000 - share) < 0.07


def test_behind_a_balancers_hash_all_that_is_let_in_falls() -> None:
    """Where the hash decides already, its open backends fall, the dropped ones stay so."""
    spread = Spread(1, by_port=True, backends=((5, Answer.OPEN), (6, Answer.DROP)))
    found = laid_over(Posture((SourceClass(None, PORTS, spread),)), [laid(Refuse())], 100)

    assert found.possible() == {Answer.REFUSE, Answer.DROP}


def test_a_flapping_listener_refuses_and_listens_in_turn() -> None:
    """Down for one second, up for two, from when it was added on; and it says when that changes."""
    each = laid(Flap(down=1, up=2))

    assert [each.answer(100 + at) for at in (0, 0.9, 1, 2.9, 3)] == [
        Answer.REFUSE,
        Answer.REFUSE,
        None,
        None,
        Answer.REFUSE,
    ]
    assert [each.next_time(100 + at) for at in (0, 1, 3)] == [101, 103, 104]


def test_for_so_long() -> None:
    """A fault of ten seconds is over then, by itself."""
    each = laid(DropSyn(), lasts=10)

    assert each.next_time(100) == 110
    assert each.answer(109) is Answer.DROP
    assert each.answer(110) is None
    assert each.next_time(110) is None
    assert laid_over(OPEN, [each], 111) == OPEN


def test_a_fault_for_one_connection_is_met_at_accept() -> None:
    """The kernel cannot count attempts: all are let in, and the third is kept."""
    third = laid(DropSyn(), nth=3)

    assert laid_over(OPEN, [third], 100) == OPEN
    assert [at_accept([third], number, 100) is not None for number in (1, 2, 3, 4)] == [False, False, True, False]


@pytest.mark.parametrize("effect", [Mute(), SlowAccept(seconds=1)])
def test_a_listener_that_does_not_serve_lets_in(effect: Effect) -> None:
    """Its attempts succeed, and every connection is kept, as long as the fault lasts."""
    each = laid(effect, lasts=10)

    assert laid_over(OPEN, [each], 100) == OPEN
    assert at_accept([each], 7, 100) is each.fault
    assert at_accept([each], 7, 111) is None


def test_a_share_is_kept_at_accept() -> None:
    """Of a mute listener's connections a share is kept."""
    kept = [number for number in range(1000) if at_accept([laid(Mute(), share=0.3)], number, 100)]

    assert 220 < len(kept) < 380


def test_the_verdict_names_the_fault() -> None:
    """Its reason is the fault; a refusal is one."""
    found = verdict(Fault("it", Refuse(), "build-linux"))

    assert (found.outcome, found.reason.kind, found.reason.name) == (Outcome.REFUSED, "fault", "it")
    assert found.sentence == "fault it (refuse at build-linux)"
    assert verdict(Fault("it", DropSyn(), "proxy")).outcome is Outcome.DROPPED


def test_what_every_attempt_meets_is_the_hops_condition() -> None:
    """A fault for all is a verdict at its hop; one for a share, for one, or a mute listener is none."""
    faults = [
        laid(DropSyn()),
        laid(Refuse(), share=0.5),
        laid(Refuse(), nth=1),
        laid(Mute()),
        laid(DropSyn(), lasts=1),
    ]

    assert failing(faults[:4], 100) == {("proxy", verdict(faults[0].fault))}
    assert failing(faults[4:], 102) == frozenset()


def test_a_share_may_be_decided_later() -> None:
    """Where sources are not the clients' own, the posture lets all in, and accepting decides."""
    half = laid(DropSyn(), share=0.5)

    assert laid_over(OPEN, [half], 100, shares=False) == OPEN
    kept = [number for number in range(1000) if at_accept([half], number, 100, shares=True)]
    assert 400 < len(kept) < 600


def test_the_fault_that_leaves_the_fewest_ports_counts() -> None:
    """While it lasts; others leave none alone."""
    few, fewer = laid(NatPorts(ports=5)), laid(NatPorts(ports=2), lasts=10)

    assert least_ports([few, fewer, laid(DropSyn())], 105) == (2, verdict(fewer.fault))
    assert least_ports([few, fewer], 110) == (5, verdict(few.fault))
    assert least_ports([laid(DropSyn())], 100) is None
