"""What a build does is done by each way in turn."""

from pathlib import Path

import pytest

from bench.builds import figures
from bench.works import WORKS, Way, Work, rounds


def way(name: str) -> Way:
    return Way(name, "", "", Path(), "")


def test_ways_take_turns_and_the_first_round_does_not_count() -> None:
    """Programs are read from the disk in it."""
    went: list[str] = []
    work = Work("a work", lambda by: went.append(by.name))

    found = rounds(work, [way("direct"), way("through")], 2)

    assert went == ["direct", "through"] * 3
    assert [len(each) for each in found] == [2, 2]


def test_each_way_but_the_first_has_its_share_of_that() -> None:
    """The bar is for the channel alone."""
    work, ways = Work("a work", lambda _: None, 1.1), [way("direct"), way("through"), way("a peer")]

    found = list(figures(work, [(2.0, 3.0, 4.0), (1.0, 1.0, 2.0)], ways))

    assert [each.name for each in found[3:]] == ["a work, through, of direct", "a work, a peer, of direct"]
    assert [each.rounds for each in found[3:]] == [(1.5, 1.0), (2.0, 2.0)]
    assert [each.bar for each in found] == [None, None, None, 1.1, None]


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_each_has_a_name_of_its_own(work: Work) -> None:
    """Results are told apart by it."""
    assert [each.name for each in WORKS].count(work.name) == 1
