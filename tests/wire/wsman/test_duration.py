"""Durations as clients write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.wire.wsman import duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT20S", 20),
        ("PT60.000S", 60),
        ("PT0.5S", 0.5),
        ("PT30M", 1800),
        ("PT1H30M", 5400),
        ("P1D", 86400),
        ("P1DT1S", 86401),
        ("7200", 7200),
        (" PT1S ", 1),
    ],
)
def test_reads_what_clients_send(text: str, seconds: float) -> None:
    """Each form in use comes out in seconds."""
    assert duration.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "PT-1S", "-PT1S", "PT1X", "P1DT", "1e9", "PT٣S", "nan", "PT1S PT1S"])
def test_knows_what_is_no_duration(text: str) -> None:
    """What is no duration is None, not a guess."""
    assert duration.parse(text) is None


@given(st.text(max_size=30))
def test_never_raises(text: str) -> None:
    """Any text gives None or a number that is not negative."""
    seconds = duration.parse(text)

    assert seconds is None or seconds >= 0
