"""PowerShell's values in Python, and how one becomes another.

`None`, `bool`, `int`, `float`, `str`, `bytes`, `datetime` and `list` (an array) are themselves; the rest is below.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.tree import Block

Value = Any
"""Any of them."""


class Hashtable:
    """Keys compared without case, in the order in which they came."""

    def __init__(self, entries: Mapping[str, Value] | None = None, *, is_ordered: bool = False) -> None:
        self.is_ordered = is_ordered
        self._entries: dict[Value, tuple[Value, Value]] = {}
        for key, value in (entries or {}).items():
            self[key] = value

    def __getitem__(self, key: Value) -> Value:
        return self._entries.get(_folded(key), (None, None))[1]

    def __setitem__(self, key: Value, value: Value) -> None:
        known = self._entries.get(_folded(key))
        self._entries[_folded(key)] = (known[0] if known else key, value)

    def __contains__(self, key: Value) -> bool:
        return _folded(key) in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def remove(self, key: Value) -> None:
        """Forget a key, if it is there."""
        self._entries.pop(_folded(key), None)

    def clear(self) -> None:
        """Forget all keys."""
        self._entries.clear()

    def items(self) -> Iterator[tuple[Value, Value]]:
        """Keys as they were written, with their values."""
        return iter(list(self._entries.values()))


class ArrayList(list[Value]):
    """An array that grows in place: `System.Collections.ArrayList`, or a generic list."""


def _folded(key: Value) -> Value:
    return key.casefold() if isinstance(key, str) else key


@dataclass(slots=True)
class Thing:
    """An object with properties; `type_names` from the most derived up, `text` what it is as a string."""

    type_names: tuple[str, ...]
    properties: dict[str, Value] = field(default_factory=dict)
    text: str | None = None

    def get(self, name: str) -> Value:
        """A property's value, its name compared without case; None where there is none."""
        key = self.key(name)
        return None if key is None else self.properties[key]

    def key(self, name: str) -> str | None:
        """A property's name as it is written, or None."""
        return next((key for key in self.properties if key.casefold() == name.casefold()), None)

    def put(self, name: str, value: Value) -> None:
        """Set a property."""
        self.properties[self.key(name) or name] = value


CUSTOM = ("System.Management.Automation.PSCustomObject", "System.Object")


@dataclass(frozen=True, slots=True)
class Script:
    """A script block as a value."""

    block: Block


@dataclass(frozen=True, slots=True)
class Secret:
    """A SecureString."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Type:
    """A .NET type, by its name without `System.` and in lower case."""

    name: str

    @classmethod
    def of(cls, written: str) -> "Type":
        """The type that a script means by that name."""
        return cls(written.replace(" ", "").casefold().removeprefix("system."))


def is_true(value: Value) -> bool:
    """Whether a value counts as true."""
    if isinstance(value, list) and not isinstance(value, ArrayList):
        return is_true(value[0]) if len(value) == 1 else bool(value)
    if isinstance(value, (Hashtable, Thing, Script)):
        return True
    return bool(value)


def to_text(value: Value) -> str:  # noqa: PLR0911
    """A value as a string, as in `"$value"`."""
    match value:
        case None:
            return ""
        case bool():
            return str(value)
        case str():
            return value
        case float():
            return _number_text(value)
        case list() | bytes():
            return " ".join(to_text(item) for item in value)
        case datetime.datetime():
            return value.strftime("%m/%d/%Y %H:%M:%S")
        case _:
            return _object_text(value)


def _object_text(value: Value) -> str:  # noqa: PLR0911
    match value:
        case Hashtable():
            return "System.Collections.Hashtable"
        case Thing(text=str(text)):
            return text
        case Thing():
            if value.type_names != CUSTOM:
                return value.type_names[0]
            inner = "; ".join(f"{name}={to_text(each)}" for name, each in value.properties.items())
            return f"@{{{inner}}}"
        case Script():
            return value.block.text
        case Secret():
            return "System.Security.SecureString"
        case _:
            return str(value)


def _number_text(value: float) -> str:
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(value).replace("e", "E")


def to_number(value: Value) -> int | float:  # noqa: C901, PLR0911
    """A value as a number.

    Raises:
        PowerShellError: it is none.
    """
    match value:
        case None:
            return 0
        case bool():
            return int(value)
        case int() | float():
            return value
        case str():
            text = value.strip()
            if re.fullmatch(r"[+-]?\d{1,300}", text):
                return int(text)
            if re.fullmatch(r"0x[0-9a-fA-F]{1,16}", text):
                return int(text, 16)
            if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", text, re.IGNORECASE):
                return float(text)
            if not text:
                return 0
    raise PowerShellError(
        f'Cannot convert value "{to_text(value)[:80]}" to type "System.Int32". Error: "Input string was not in a '
        'correct format."',
        "InvalidCastFromStringToInteger",
        "InvalidArgument",
    )


def to_integer(value: Value) -> int:
    """A value as a whole number, rounded to even as PowerShell does."""
    return round(to_number(value))


def items(value: Value) -> list[Value]:
    """What a value is in a pipeline: an array's items, nothing for null, else itself."""
    if value is None:
        return []
    if isinstance(value, list):
        return list(value)
    return list(value) if isinstance(value, bytes) else [value]


def collected(values: Iterable[Value]) -> Value:
    """What statements wrote, as one value: nothing, the only one, or an array."""
    found = list(values)
    return None if not found else found[0] if len(found) == 1 else found


def type_name(value: Value) -> str:  # noqa: C901, PLR0911, PLR0912
    """The .NET type's full name."""
    match value:
        case bool():
            return "System.Boolean"
        case int():
            return "System.Int32" if -(2**31) <= value < 2**31 else "System.Int64"
        case float():
            return "System.Double"
        case str():
            return "System.String"
        case bytes():
            return "System.Byte[]"
        case ArrayList():
            return "System.Collections.ArrayList"
        case list():
            return "System.Object[]"
        case datetime.datetime():
            return "System.DateTime"
        case Hashtable():
            return (
                "System.Collections.Specialized.OrderedDictionary"
                if value.is_ordered
                else "System.Collections.Hashtable"
            )
        case Thing():
            return value.type_names[0]
        case Script():
            return "System.Management.Automation.ScriptBlock"
        case Secret():
            return "System.Security.SecureString"
        case _:
            return "System.RuntimeType"
