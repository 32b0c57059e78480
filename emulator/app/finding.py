"""What is wrong with a setting, in our words: what was found, where, and what is allowed. Pure."""

import re
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HUSHED = "credentials"
"""What stands below this key may be a secret, and messages end in logs."""
OTHERWISE = {"listen": "auto, or "}
"""What may stand in place of a key's own keys."""


def place_of(values: Any, location: Sequence[str | int]) -> tuple[str | int, ...]:
    """Where an error is in the values, as their writer knows them: without the names of types that were tried."""
    return tuple(_steps(values, location))


def _steps(value: Any, location: Sequence[str | int]) -> Iterator[str | int]:
    for part in location:
        if _holds(value, part):
            value = value[part]
            yield part


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(value, Mapping):
        return part in value
    return isinstance(value, (list, tuple)) and isinstance(part, int) and part < len(value)


def finding(error: Any, place: Sequence[str | int], keys: Sequence[str]) -> str:
    """An error of pydantic's in a sentence.

    Args:
        error: one of its errors.
        place: where, of `place_of`.
        keys: those that may stand there, or beside it where it is no key itself.
    """
    field = ".".join(map(str, place))
    if error["type"] == "extra_forbidden":
        return f"{field}: no such key; the keys are {', '.join(keys)}"
    found = type(error["input"]).__name__ if place[:1] == (HUSHED,) else _short(error["input"])
    if error["type"] in ("model_type", "model_attributes_type", "dict_type"):
        return f"{field}: found {found}, expected {OTHERWISE.get(field, '')}keys and values: {', '.join(keys)}"
    said = re.sub(r"^value error, ", "", f"{error['msg'][:1].lower()}{error['msg'][1:]}")
    return f"{field}: found {found}, {said}"


def _short(value: object) -> str:
    """A found value, cut short: YAML's aliases can make it endless."""
    printing = reprlib.Repr()
    printing.maxlevel, printing.maxstring, printing.maxother = 2, 80, 80
    return printing.repr(value)
