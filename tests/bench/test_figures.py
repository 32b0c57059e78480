"""A figure meets its bar, or says that it misses."""

import pytest

from bench.figures import Figure


@pytest.mark.parametrize(
    ("rounds", "bar", "higher", "misses"),
    [
        ((1.0, 2.0, 9.0), 3.0, False, False),
        ((1.0, 4.0, 9.0), 3.0, False, True),
        ((1.0, 4.0, 9.0), 3.0, True, False),
        ((1.0, 2.0, 9.0), 3.0, True, True),
        ((9.0,), None, False, False),
    ],
)
def test_the_median_counts(
    rounds: tuple[float, ...],
    bar: float | None,
    higher: bool,  # noqa: FBT001 - a table
    misses: bool,  # noqa: FBT001 - a table
) -> None:
    """Not the best round and not the worst."""
    figure = Figure("a", "s", rounds, bar, higher=higher)

    assert figure.misses is misses
    assert ("MISSES" in str(figure)) is misses
