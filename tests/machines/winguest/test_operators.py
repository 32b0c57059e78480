"""PowerShell's operators."""

import datetime
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.operators import BINARY, UNARY, date_text, expression, is_known_format, wildcard


@pytest.mark.parametrize(
    ("operator", "left", "right", "result"),
    [
        ("+", 1, "2", 3),
        ("+", "1", 2, "12"),
        ("+", [1], 2, [1, 2]),
        ("*", "ab", 2, "abab"),
        ("/", 6, 4, 1.5),
        ("/", 6, 3, 2),
        ("%", -7, 3, -1),
        ("..", 3, 1, [3, 2, 1]),
        ("-eq", "A", "a", True),
        ("-ceq", "A", "a", False),
        ("-eq", 1, "1", True),
        ("-ne", [1, 2, 1], 1, [2]),
        ("-like", "abc", "a*", True),
        ("-notlike", "abc", "?bc", False),
        ("-match", "abc", "B", True),
        ("-replace", "aXa", ["x", "$0-"], "aX-a"),
        ("-replace", "ab", ["(a)", "$1$1"], "aab"),
        ("-split", "a,b", ",", ["a", "b"]),
        ("-join", [1, 2], "-", "1-2"),
        ("-contains", ["A"], "a", True),
        ("-notin", "b", ["a"], True),
        ("-f", "{0:D2}-{1}", [5, "x"], "05-x"),
        ("-f", "{0:N1}", 1234.56, "1,234.6"),
        ("-f", "{{{0}}}", "x", "{x}"),
        ("-band", 6, 3, 2),
        ("-xor", True, True, False),
        ("-is", "x", "string", True),
    ],
)
def test_binary(operator: str, left: object, right: object, result: object) -> None:
    """By what stands on the left, without case unless it is asked for, and over each item of an array."""
    assert BINARY[operator](left, right) == result


@pytest.mark.parametrize(
    ("operator", "value", "result"),
    [("-not", "", True), ("!", 1, False), ("-", "5", -5), (",", 1, [1]), ("-join", ["a", 1], "a1"), ("-bnot", 0, -1)],
)
def test_unary(operator: str, value: object, result: object) -> None:
    """Operators before their operand."""
    assert UNARY[operator](value) == result


@pytest.mark.parametrize(
    ("operator", "left", "right"), [("/", 1, 0), ("%", 1, 0), ("*", "x" * 100, 10**8), ("-f", "{1}", "a")]
)
def test_errors(operator: str, left: object, right: object) -> None:
    """Division by zero, texts beyond memory and fields without a value are errors of the script's."""
    with pytest.raises(PowerShellError):
        BINARY[operator](left, right)


@given(st.text(alphabet="ab.*?[]", max_size=8), st.text(alphabet="ab.", max_size=6))
def test_wildcards_match_themselves(pattern: str, text: str) -> None:
    """A pattern without wildcards matches its own text alone; `*` matches anything."""
    if not re.search(r"[*?\[]", pattern):
        assert (wildcard(pattern).fullmatch(text) is not None) == (pattern.casefold() == text.casefold())
    assert wildcard("*").fullmatch(text) is not None


def test_regular_expressions() -> None:
    """Named groups are .NET's; what Python does not know is an error."""
    found = expression("(?<year>\\d+)").search("2024")
    assert found is not None
    assert found["year"] == "2024"
    with pytest.raises(PowerShellError):
        expression("(?<-x>a)")


@pytest.mark.parametrize(
    ("text", "known"),
    [("{0:D3}{1,5}", True), ("{0:yyyy-MM-dd}", True), ("{0:P}", False), ("{0:dddd}", False), ("{x}", False)],
)
def test_known_formats(text: str, *, known: bool) -> None:
    """Only formats that are played are taken for known."""
    assert is_known_format(text) is known


def test_dates() -> None:
    """A date's parts by .NET's letters."""
    moment = datetime.datetime(2024, 3, 5, 14, 7, 9, 123_000, datetime.UTC)

    assert date_text(moment, "yyyy-MM-ddTHH:mm:ss.fff") == "2024-03-05T14:07:09.123"
    assert date_text(moment, "o").startswith("2024-03-05T14:07:09.123")
