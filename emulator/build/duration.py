"""Durations in Go's words, as templates write them and Packer's log prints them."""

import re

DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
"""As far as people write them: `5m`, `1h30m`, `90s`."""


def seconds_of(duration: str) -> float | None:
    """The seconds of a duration; None where it is none, or zero."""
    found = DURATION.fullmatch(duration)
    hours, minutes, seconds = (float(each or 0) for each in found.groups()) if found else (0.0, 0.0, 0.0)
    return hours * 3600 + minutes * 60 + seconds or None


def in_go(seconds: float) -> str:
    """Seconds as Go prints them: `20m0s`, `1h30m0s`, `15s`."""
    minutes, left = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    front = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{front}{left:g}s"
