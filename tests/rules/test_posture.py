"""A posture answers every source; its first class that covers a source speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.model.balancer import Distribution
from emulator.model.flow import Flow
from emulator.rules import distribution
from emulator.rules.distribution import backend_hash
from emulator.rules.posture import Answer, Posture, SourceClass, Spread

OPEN, DROP, REFUSE = Answer.OPEN, Answer.DROP, Answer.REFUSE
ALL = (0, 65535)
TWO = Posture(
    (
        SourceClass("10.0.0.4", (1000, 1999), DROP),
        SourceClass("10.0.0.4", ALL, OPEN),
        SourceClass(None, (2000, 2000), OPEN),
        SourceClass(None, ALL, REFUSE),
    )
)


@pytest.mark.parametrize(
    ("address", "port", "answer"),
    [
        # first match wins, port ranges include both ends
        ("10.0.0.4", 999, OPEN),
        ("10.0.0.4", 1000, DROP),
        ("10.0.0.4", 1999, DROP),
        ("10.0.0.4", 2000, OPEN),
        # a class without address covers all
        ("10.0.0.5", 2000, OPEN),
        ("10.0.0.5", 1000, REFUSE),
    ],
)
def test_the_first_class_that_covers_speaks(address: str, port: int, answer: Answer) -> None:
    """Classes are read in order, as security rules are."""
    assert TWO.answer(address, port) is answer


@pytest.mark.parametrize("answer", Answer)
def test_to_all(answer: Answer) -> None:
    """One answer for every source is the only possible one."""
    posture = Posture.to_all(answer)

    assert posture.answer("192.0.2.1", 0) is posture.answer("10.0.0.4", 65535) is answer
    assert posture.possible() == {answer}


def test_a_posture_must_cover_all() -> None:
    """A posture without a last word is a bug."""
    with pytest.raises(AssertionError):
        Posture((SourceClass("10.0.0.4", ALL, OPEN),)).answer("10.0.0.5", 1)


def test_possible_looks_behind_the_balancer() -> None:
    """Every backend's answer counts as possible."""
    spread = Spread(1, by_port=True, backends=((1, OPEN), (2, DROP)))

    assert Posture((SourceClass("10.0.0.4", ALL, REFUSE), SourceClass(None, ALL, spread))).possible() == set(Answer)
    assert TWO.possible() == set(Answer)


@given(
    st.builds(Flow, st.ip_addresses(v=4), st.integers(0, 65535), st.ip_addresses(v=4), st.integers(0, 65535)),
    st.sampled_from(["Default", "SourceIP", "SourceIPProtocol"]),
    st.lists(st.text(min_size=1), min_size=1, max_size=6, unique_by=str.lower),
    st.data(),
)
def test_spread_is_the_balancers_choice(
    flow: Flow, mode: Distribution, names: list[str], data: st.DataObject
) -> None:
    """A spread answers with what stands behind the backend that the distribution prefers."""
    answers = {name: data.draw(st.sampled_from(Answer)) for name in names}
    spread = Spread(
        distribution.prefix(flow, mode),
        by_port=mode == "Default",
        backends=tuple((backend_hash(name), answers[name]) for name in names),
    )

    assert spread.answer(flow.source_port) is answers[distribution.order(flow, names, mode)[0]]
