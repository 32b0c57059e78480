"""Which connections a fault is for."""

from emulator.rules.faults.fault import Fault, Moment, draw
from emulator.rules.faults.kinds import Mute


def test_all_connections_by_default() -> None:
    """Without a share or a number it is for every connection, those open already too."""
    fault = Fault("silent", Mute(), "proxy")

    assert all(fault.touches(number) for number in range(-3, 4))


def test_one_connection_alone() -> None:
    """`nth` picks one by its number."""
    fault = Fault("silent", Mute(), "proxy", nth=3)

    assert [number for number in range(-5, 10) if fault.touches(number)] == [3]


def test_a_share_is_drawn_from_the_seed() -> None:
    """The same seed picks the same connections, another one others, and about the share of them."""
    picked = [
        [number for number in range(1000) if Fault("half", Mute(), "proxy", share=0.5, seed=seed).touches(number)]
        for seed in (7, 7, 8)
    ]

    assert picked[0] == picked[1] != picked[2]
    assert 400 < len(picked[0]) < 600


def test_draws_are_even() -> None:
    """Draws lie in [0, 1) and spread over it."""
    drawn = [draw("seed", number) for number in range(1000)]

    assert all(0 <= each < 1 for each in drawn)
    assert 0.45 < sum(drawn) / len(drawn) < 0.55


def test_a_direction_has_its_ways() -> None:
    """`both` is both of them."""
    assert Fault("silent", Mute(), "proxy").ways == ("from-client", "to-client")
    assert Fault("silent", Mute(), "proxy", direction="to-client").ways == ("to-client",)


def test_a_moment_is_written_as_it_is_read() -> None:
    """Each moment has the words that the command line takes."""
    assert str(Moment()) == "connect"
    assert str(Moment(phase="login")) == "login"
    assert str(Moment(size=4096)) == "bytes:4096"
    assert str(Moment(seconds=2.5)) == "seconds:2.5"
    assert str(Moment(pattern=b"a\n\x00b")) == r"pattern:a\n\x00b"
