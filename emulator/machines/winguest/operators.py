"""PowerShell's operators."""

import datetime
import operator
import re
from collections.abc import Callable, Mapping

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import (
    Hashtable,
    Type,
    Value,
    is_true,
    items,
    to_integer,
    to_number,
    to_text,
    type_name,
)

MAX_ITEMS = 1_000_000
"""How long a text or an array may get by an operator."""


def _bounded(length: int) -> None:
    if length > MAX_ITEMS * 20:
        raise PowerShellError(
            "Exception of type 'System.OutOfMemoryException' was thrown.", "System.OutOfMemoryException"
        )


def add(left: Value, right: Value) -> Value:
    """`+`: by what stands on the left."""
    if isinstance(left, str):
        return left + to_text(right)
    if isinstance(left, list):
        _bounded(len(left))
        return [*left, *(right if isinstance(right, list) else [right])]
    if isinstance(left, Hashtable) and isinstance(right, Hashtable):
        return Hashtable(dict(left.items()) | dict(right.items()))
    if left is None:
        return right
    return to_number(left) + to_number(right)


def multiply(left: Value, right: Value) -> Value:
    """`*`: repeats a text or an array."""
    if isinstance(left, (str, list)):
        count = max(to_integer(right), 0)
        _bounded(len(left) * count)
        return left * count
    return to_number(left) * to_number(right)


def divide(left: Value, right: Value) -> Value:
    """`/`: whole where it comes out even."""
    bottom = to_number(right)
    if bottom == 0:
        raise PowerShellError("Attempted to divide by zero.", "RuntimeException", "NotSpecified")
    result = to_number(left) / bottom
    return int(result) if result == int(result) and not isinstance(left, float) else result


def modulo(left: Value, right: Value) -> Value:
    """`%`, with the sign of the left."""
    bottom = to_number(right)
    if bottom == 0:
        raise PowerShellError("Attempted to divide by zero.", "RuntimeException", "NotSpecified")
    top = to_number(left)
    return top - bottom * int(top / bottom)


def span(left: Value, right: Value) -> list[Value]:
    """`a..b`, up or down."""
    first, last = to_integer(left), to_integer(right)
    _bounded(abs(last - first))
    step = 1 if last >= first else -1
    return list(range(first, last + step, step))


def equals(left: Value, right: Value, *, is_exact: bool = False) -> bool:
    """Whether two values are equal, the right one taken as the left one's kind."""
    if isinstance(left, str):
        text = to_text(right) if right is not None else None
        return text is not None and (left == text if is_exact else left.casefold() == text.casefold())
    if isinstance(left, bool):
        return left == is_true(right)
    if isinstance(left, (int, float)) and right is not None:
        try:
            return bool(left == to_number(right))
        except PowerShellError:
            return False
    return bool(left == right)


def _compare(left: Value, right: Value) -> int:
    if isinstance(left, str):
        one, other = left.casefold(), to_text(right).casefold()
        return (one > other) - (one < other)
    one_number, other_number = to_number(left), to_number(right)
    return (one_number > other_number) - (one_number < other_number)


def _filtering(test: Callable[[Value, Value], bool]) -> Callable[[Value, Value], Value]:
    """A comparison picks the items of an array on its left that pass."""

    def compare(left: Value, right: Value) -> Value:
        return [item for item in left if test(item, right)] if isinstance(left, list) else test(left, right)

    return compare


def wildcard(pattern: str) -> re.Pattern[str]:
    """A pattern with `*`, `?` and `[…]`."""
    parts = re.split(r"(\*|\?|\[[^\]]*\])", pattern)
    known = {"*": ".*", "?": "."}
    made = "".join(part if part.startswith("[") else known.get(part) or re.escape(part) for part in parts)
    return re.compile(made, re.IGNORECASE | re.DOTALL)


def _is_like(left: Value, right: Value) -> bool:
    return wildcard(to_text(right)).fullmatch(to_text(left)) is not None


def expression(pattern: Value) -> re.Pattern[str]:
    """A regular expression as .NET writes it, where Python's means the same.

    Raises:
        PowerShellError: it is none that both know.
    """
    text = re.sub(r"\(\?<(\w+)>", r"(?P<\1>", to_text(pattern))
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise PowerShellError(f'parsing "{text}" - {error}', "InvalidRegularExpression", "InvalidOperation") from None


def replace(left: Value, right: Value) -> Value:
    """`-replace`."""
    given = items(right)
    pattern, instead = expression(given[0] if given else ""), to_text(given[1]) if len(given) > 1 else ""
    template = re.sub(r"\$(\d+|\{\w+\})", lambda m: rf"\g<{m[1].strip('{}')}>", instead.replace("\\", "\\\\"))
    made = [pattern.sub(template, to_text(item)) for item in (left if isinstance(left, list) else [left])]
    return made if isinstance(left, list) else made[0]


def split(left: Value, right: Value) -> Value:
    """`-split`."""
    given = items(right)
    limit = max(to_integer(given[1]) - 1, 0) if len(given) > 1 else 0
    found: list[Value] = []
    for item in items(left):
        found += expression(given[0]).split(to_text(item), maxsplit=limit)
    return found


def formatted(left: Value, right: Value) -> str:
    """`-f`: `{0}`, `{1,5}`, `{2:D3}`."""
    given = right if isinstance(right, list) else [right]

    def fill(match: re.Match[str]) -> str:
        if int(match[1]) >= len(given):
            raise PowerShellError(
                "Error formatting a string: Index (zero based) must be greater than or equal to zero and less than "
                "the size of the argument list..",
                "FormatError",
                "InvalidOperation",
            )
        text = _with_format(given[int(match[1])], match[3] or "")
        width = int(match[2] or 0)
        return text.rjust(width) if width >= 0 else text.ljust(-width)

    found = re.sub(r"\{(\d{1,4})(?:,(-?\d{1,3}))?(?::([^{}]*))?\}", fill, to_text(left).replace("{{", "\0"))
    return found.replace("}}", "}").replace("\0", "{")


_NUMERIC = re.compile(r"([dDnNfFxX])(\d{0,2})|(0+)")
_DATE_CODES = (
    ("yyyy", "%Y"), ("yy", "%y"), ("MM", "%m"), ("dd", "%d"), ("HH", "%H"), ("hh", "%I"), ("mm", "%M"), ("ss", "%S"),
    ("fff", "%f"), ("tt", "%p"),
)  # fmt: skip
DATE_FORMAT = re.compile(
    r"(?:(?:(?<!y)(?:yyyy|yy)(?!y)|(?<!M)MM(?!M)|(?<!d)dd(?!d)|(?<!H)HH(?!H)|(?<!h)hh(?!h)|(?<!m)mm(?!m)|(?<!s)ss(?!s)"
    r"|(?<!f)fff(?!f)|(?<!t)tt(?!t)|[^A-Za-z%\\{}]|T)*)|o",
    re.ASCII,
)
"""The patterns of dates that are played."""


def is_known_format(text: str) -> bool:
    """Whether every field of a `-f` text is one that is played."""
    fields = re.findall(r"\{([^{}]*)\}", text.replace("{{", "").replace("}}", ""))
    found = [re.fullmatch(r"\d{1,4}(?:,-?\d{1,3})?(?::([^{}]*))?", field) for field in fields]
    return all(match is not None and _is_known_pattern(match[1] or "") for match in found)


def _is_known_pattern(pattern: str) -> bool:
    return (_NUMERIC.fullmatch(pattern) or DATE_FORMAT.fullmatch(pattern)) is not None


def date_text(moment: datetime.datetime, pattern: str) -> str:
    """A date by a pattern."""
    if pattern == "o":
        return moment.isoformat()
    for code, ours in _DATE_CODES:
        made = f"{moment.microsecond // 1000:03}" if code == "fff" else moment.strftime(ours)
        pattern = pattern.replace(code, made)
    return pattern


def formatted_value(value: Value, pattern: str) -> str:
    """A value by a pattern, as `-f` and `ToString` write it.

    Raises:
        PowerShellError: the pattern is none for it.
    """
    if not _is_known_pattern(pattern):
        raise PowerShellError("Input string was not in a correct format.", "FormatError", "InvalidOperation")
    return _with_format(value, pattern)


def _with_format(value: Value, pattern: str) -> str:
    if isinstance(value, datetime.datetime) and pattern:
        return date_text(value, pattern)
    match = _NUMERIC.fullmatch(pattern)
    if match is None or not isinstance(value, (int, float)):
        return to_text(value)
    if match[3]:
        return f"{to_integer(value):0{len(match[3])}d}"
    kind, digits = match[1], int(match[2] or (2 if match[1] in "nNfF" else 0))
    if kind in "dD":
        return f"{to_integer(value):0{max(digits, 1)}d}"
    if kind in "xX":
        return f"{to_integer(value):0{max(digits, 1)}{kind}}"
    return f"{to_number(value):{',' if kind in 'nN' else ''}.{digits}f}"


def is_of(left: Value, right: Value) -> bool:
    """`-is`."""
    wanted = right.name if isinstance(right, Type) else Type.of(to_text(right)).name
    own = type_name(left).casefold().removeprefix("system.")
    own_names = {own, _SHORT.get(own, own), "object", *_BASES.get(own, ())}
    if hasattr(left, "type_names"):
        own_names |= {name.casefold().removeprefix("system.") for name in left.type_names}
    return wanted in own_names


_SHORT = {"int32": "int", "int64": "long", "boolean": "bool", "collections.hashtable": "hashtable"}
_BASES = {
    "object[]": ("array", "collections.ienumerable"),
    "collections.arraylist": ("collections.ienumerable", "collections.ilist"),
    "management.automation.pscustomobject": ("pscustomobject", "psobject"),
    "management.automation.scriptblock": ("scriptblock",),
    "byte[]": ("array",),
}


def _joined(left: Value, right: Value) -> str:
    return to_text(right).join(to_text(item) for item in items(left))


def _is_in(left: Value, right: Value) -> bool:
    return any(equals(item, left) for item in items(right))


def _bits(function: Callable[[int, int], int]) -> Callable[[Value, Value], Value]:
    return lambda left, right: function(to_integer(left), to_integer(right))


_COMPARISONS: Mapping[str, Callable[[Value, Value], bool]] = {
    "eq": equals,
    "ne": lambda left, right: not equals(left, right),
    "ceq": lambda left, right: equals(left, right, is_exact=True),
    "cne": lambda left, right: not equals(left, right, is_exact=True),
    "gt": lambda left, right: _compare(left, right) > 0,
    "ge": lambda left, right: _compare(left, right) >= 0,
    "lt": lambda left, right: _compare(left, right) < 0,
    "le": lambda left, right: _compare(left, right) <= 0,
    "like": _is_like,
    "notlike": lambda left, right: not _is_like(left, right),
    "match": lambda left, right: expression(right).search(to_text(left)) is not None,
    "notmatch": lambda left, right: expression(right).search(to_text(left)) is None,
}
BINARY: Mapping[str, Callable[[Value, Value], Value]] = {
    **{f"-{name}": _filtering(test) for name, test in _COMPARISONS.items()},
    **{f"-i{name}": _filtering(test) for name, test in _COMPARISONS.items() if not name.startswith("c")},
    "+": add,
    "-": lambda left, right: to_number(left) - to_number(right),
    "*": multiply,
    "/": divide,
    "%": modulo,
    "..": span,
    "-f": formatted,
    "-replace": replace,
    "-ireplace": replace,
    "-split": split,
    "-join": _joined,
    "-is": is_of,
    "-isnot": lambda left, right: not is_of(left, right),
    "-contains": lambda left, right: _is_in(right, left),
    "-notcontains": lambda left, right: not _is_in(right, left),
    "-in": _is_in,
    "-notin": lambda left, right: not _is_in(left, right),
    "-band": _bits(operator.and_),
    "-bor": _bits(operator.or_),
    "-bxor": _bits(operator.xor),
    "-xor": lambda left, right: is_true(left) != is_true(right),
}
"""By their name in lower case; `-and` and `-or` are the engine's, which may skip the right side."""
UNARY: Mapping[str, Callable[[Value], Value]] = {
    "-not": lambda value: not is_true(value),
    "!": lambda value: not is_true(value),
    "-": lambda value: -to_number(value),
    "+": to_number,
    ",": lambda value: [value],
    "-join": lambda value: "".join(to_text(item) for item in items(value)),
    "-split": lambda value: [word for item in items(value) for word in to_text(item).split()],
    "-bnot": lambda value: ~to_integer(value),
}
