"""What is wrong with a setting, in our words."""

from typing import Any

import pytest

from emulator.app.finding import finding, place_of

VALUES = {"listen": {"linux": 5}, "resources": ["a", 7], "builds": {}}


@pytest.mark.parametrize(
    ("location", "place"),
    [
        (("listen", "keys", "linux", "function-before[_port(), int]"), ("listen", "linux")),
        (("listen", "Listen", "linux", "literal['auto']"), ("listen", "linux")),
        (("resources", 1, "path"), ("resources", 1)),
        (("resources", 9), ("resources",)),
        (("time_scale",), ()),
    ],
)
def test_a_place_is_what_its_writer_knows(location: tuple[str | int, ...], place: tuple[str | int, ...]) -> None:
    """Keys and numbers that are there, without the types that were tried."""
    assert place_of(VALUES, location) == place


def error(kind: str, found: Any, said: str = "") -> dict[str, Any]:
    """As pydantic has it."""
    return {"type": kind, "input": found, "msg": said}


def test_findings_are_sentences() -> None:
    """Where, what was found, what is allowed; a secret is not shown."""
    keys = ("a", "b")

    assert finding(error("extra_forbidden", 1), ("x", "y"), keys) == "x.y: no such key; the keys are a, b"
    assert (
        finding(error("model_type", 1), ("listen",), keys)
        == "listen: found 1, expected auto, or keys and values: a, b"
    )
    assert finding(error("dict_type", "x"), ("builds",), keys) == "builds: found 'x', expected keys and values: a, b"
    assert finding(error("value_error", 0, "Value error, expected more"), ("n",), ()) == "n: found 0, expected more"
    assert finding(error("int_type", "secret", "Input bad"), ("credentials", "password"), ()) == (
        "credentials.password: found str, input bad"
    )
