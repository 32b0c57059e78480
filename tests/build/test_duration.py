"""Go's durations, both ways."""

import pytest

from emulator.build.duration import in_go, seconds_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5m", 300), ("10m0s", 600), ("1h30m", 5400), ("90s", 90), ("1.5h", 5400), ("", None), ("0s", None), ("5", None),
     ("five", None), ("5m extra", None)],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float | None) -> None:
    """What Go would read is read; anything else, and nothing at all, is none."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(("seconds", "text"), [(1200, "20m0s"), (600, "10m0s"), (15, "15s"), (5400, "1h30m0s")])
def test_durations_are_printed_as_packer_prints_them(seconds: float, text: str) -> None:
    """The service's logs say `20m0s` and `10m0s`."""
    assert in_go(seconds) == text
