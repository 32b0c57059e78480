"""The warning of a clock that is too fast for a client's own timers."""

from emulator.rules.time_scale import warnings
from tests.worlds import world

HURRIED = [
    # 240 s of the rules and 300 s of private link: the rules' come first, one each
    (1, []),
    (16, []),
    (17, ["not Packer's"]),
    (60, ["not Packer's"]),
    (81, ["no client's"]),
    (1000, ["no client's"]),
]


def test_a_limit_that_is_shorter_than_three_intervals() -> None:
    """Four minutes at 17 are less than three of Packer's five seconds, at 81 than three of anybody's."""
    for scale, expected in HURRIED:
        said = list(warnings(world(), scale))
        assert [next(each for each in expected if each in line) for line in said] == expected * 2


def test_it_says_which_timer_and_how_long_it_lasts() -> None:
    """The sentence names the setting, the timer, its owner and its real length."""
    (first, _) = warnings(world(), 60)

    assert first.startswith("time_scale 60 makes 240 s of idleTimeoutInMinutes (rule-60001) last 4 s: not Packer's")


def test_without_private_link_nothing_is_scaled_too_short() -> None:
    """The other topologies have no idle limit."""
    assert list(warnings(world(topology="public-ip"), 1000)) == []
