"""XML Schema durations, in seconds."""

import re

_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,10}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)
_UNITS = {"days": 86400, "hours": 3600, "minutes": 60, "seconds": 1}


def parse(text: str) -> float | None:
    """The seconds in `PT1H30M0.5S`, or in a bare number, which pywinrm may send; None where it is neither."""
    text = text.strip()
    if re.fullmatch(r"\d{1,10}(\.\d{1,9})?", text, re.ASCII):
        return float(text)
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(value) * _UNITS[unit] for unit, value in match.groupdict().items() if value)
