"""Properties, methods and conversions of values: the part of .NET that is played."""

import base64
import datetime
import ntpath
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.host_types import COLORS, choices
from emulator.machines.winguest.operators import formatted_value
from emulator.machines.winguest.values import (
    CUSTOM,
    ArrayList,
    Hashtable,
    Script,
    Thing,
    Type,
    Value,
    collected,
    is_true,
    items,
    to_integer,
    to_number,
    to_text,
    type_name,
)

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine


def read(target: Value, name: str) -> Value:  # noqa: C901, PLR0911
    """A property; of each item where an array has none of that name, null where nothing has."""
    folded = name.casefold()
    match target:
        case Thing():
            if target.key(name) is not None:
                return target.get(name)
        case Hashtable():
            if name in target:
                return target[name]
            if folded in ("keys", "values", "count"):
                pairs = list(target.items())
                return len(pairs) if folded == "count" else [pair[folded == "values"] for pair in pairs]
        case list() | bytes():
            if folded in ("count", "length", "longlength"):
                return len(target)
            return collected(value for item in target for value in items(read(item, name)))
        case str() if folded == "length":
            return len(target)
        case datetime.datetime() if folded in _DATE_PARTS:
            return getattr(target, folded)
    return 1 if folded in ("count", "length") and target is not None else 0 if folded == "count" else None


_DATE_PARTS = ("year", "month", "day", "hour", "minute", "second")


def write(target: Value, name: str, value: Value) -> None:
    """Set a property.

    Raises:
        PowerShellError: the value has none of that name.
    """
    if isinstance(target, Hashtable):
        target[name] = value
    elif isinstance(target, Thing) and target.key(name) is not None:
        target.put(name, value)
    else:
        raise PowerShellError(
            f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set.",
            "PropertyNotFound",
            "InvalidOperation",
        )


def indexed(target: Value, index: Value) -> Value:
    """`target[index]`; null outside."""
    if isinstance(index, list):
        return [indexed(target, each) for each in index]
    if isinstance(target, Hashtable):
        return target[index]
    if target is None:
        raise PowerShellError("Cannot index into a null array.", "NullArray", "InvalidOperation")
    if isinstance(target, (str, list, bytes)):
        at = to_integer(index)
        return target[at] if -len(target) <= at < len(target) else None
    return target if to_integer(index) in (0, -1) else None


def converted(value: Value, kind: Type) -> Value:
    """`[kind]value`.

    Raises:
        PowerShellError: it cannot be.
    """
    convert = _CASTS.get(kind.name)
    if convert is None:
        raise PowerShellError(f"Unable to find type [{kind.name}].", "TypeNotFound", "InvalidOperation")
    return convert(value)


def _custom(value: Value) -> Value:
    if isinstance(value, Hashtable):
        return Thing(CUSTOM, {to_text(key): each for key, each in value.items()})
    return value


def _to_bytes(value: Value) -> bytes:
    try:
        return bytes(to_integer(item) for item in items(value))
    except ValueError:
        raise PowerShellError(
            "Value was either too large or too small for an unsigned byte.", "InvalidCast"
        ) from None


def _to_guid(value: Value) -> str:
    try:
        return str(uuid.UUID(to_text(value)))
    except ValueError:
        raise PowerShellError("Unrecognized Guid format.", "InvalidCastParseTargetInvocation") from None


def _to_date(value: Value) -> Value:
    if isinstance(value, datetime.datetime):
        return value
    try:
        return datetime.datetime.fromisoformat(to_text(value)).replace(tzinfo=datetime.UTC)
    except ValueError:
        message = f'Cannot convert value "{to_text(value)}" to type "System.DateTime".'
        raise PowerShellError(message, "InvalidCastParseTargetInvocationWithFormatProvider") from None


_CASTS: Mapping[str, Callable[[Value], Value]] = {
    "string": to_text,
    "int": to_integer,
    "int32": to_integer,
    "int64": to_integer,
    "long": to_integer,
    "uint32": to_integer,
    "double": lambda value: float(to_number(value)),
    "float": lambda value: float(to_number(value)),
    "decimal": lambda value: float(to_number(value)),
    "bool": is_true,
    "boolean": is_true,
    "switch": is_true,
    "array": lambda value: value if isinstance(value, list) else items(value),
    "object[]": lambda value: value if isinstance(value, list) else items(value),
    "string[]": lambda value: [to_text(item) for item in items(value)],
    "int[]": lambda value: [to_integer(item) for item in items(value)],
    "byte[]": _to_bytes,
    "byte": lambda value: to_integer(value) & 0xFF,
    "char": lambda value: chr(value) if isinstance(value, int) else to_text(value)[:1],
    "hashtable": lambda value: value,
    "management.automation.host.choicedescription[]": choices,
    "pscustomobject": _custom,
    "psobject": _custom,
    "ordered": lambda value: value,
    "object": lambda value: value,
    "scriptblock": lambda value: value,
    "void": lambda _: None,
    "guid": _to_guid,
    "datetime": _to_date,
    "version": lambda value: _version(to_text(value)),
    "regex": to_text,
    "uri": to_text,
    "securestring": lambda value: value,
    "management.automation.actionpreference": to_text,
}


def _version(text: str) -> Thing:
    from emulator.machines.winguest.evaluator import version

    return version(tuple(text.split(".")))


def _not_found(target: Value, name: str) -> PowerShellError:
    if target is None:
        return PowerShellError(
            "You cannot call a method on a null-valued expression.", "InvokeMethodOnNull", "InvalidOperation"
        )
    return PowerShellError(
        f"Method invocation failed because [{type_name(target)}] does not contain a method named '{name}'.",
        "MethodNotFound",
        "InvalidOperation",
        name,
    )


Method = Callable[..., Value]


def _substring(text: str, start: Value, length: Value = None) -> str:
    first = to_integer(start)
    last = len(text) if length is None else first + to_integer(length)
    if not 0 <= first <= last <= len(text):
        raise PowerShellError(
            'Exception calling "Substring": "Index and length must refer to a location within the string."',
            "ArgumentOutOfRangeException",
        )
    return text[first:last]


def _split(text: str, *separators: Value) -> list[Value]:
    found = [text]
    for separator in [to_text(each) for given in separators for each in items(given)] or [" "]:
        found = [part for piece in found for part in (piece.split(separator) if separator else [piece])]
    return list(found)


STRINGS: Mapping[str, Method] = {
    "toupper": str.upper,
    "tolower": str.lower,
    "toupperinvariant": str.upper,
    "tolowerinvariant": str.lower,
    "tostring": lambda text, *_: text,
    "trim": lambda text, chars=None: text.strip(None if chars is None else to_text(chars)),
    "trimend": lambda text, chars=None: text.rstrip(None if chars is None else to_text(chars)),
    "trimstart": lambda text, chars=None: text.lstrip(None if chars is None else to_text(chars)),
    "startswith": lambda text, other, *_: text.startswith(to_text(other)),
    "endswith": lambda text, other, *_: text.endswith(to_text(other)),
    "contains": lambda text, other: to_text(other) in text,
    "indexof": lambda text, other, *_: text.find(to_text(other)),
    "lastindexof": lambda text, other, *_: text.rfind(to_text(other)),
    "replace": lambda text, old, new: text.replace(to_text(old), to_text(new)),
    "substring": _substring,
    "split": _split,
    "padleft": lambda text, width, char=" ": text.rjust(min(to_integer(width), 10_000), to_text(char)),
    "padright": lambda text, width, char=" ": text.ljust(min(to_integer(width), 10_000), to_text(char)),
    "insert": lambda text, at, other: text[: to_integer(at)] + to_text(other) + text[to_integer(at) :],
    "remove": lambda text, at, count=None: (
        text[: to_integer(at)] + ("" if count is None else text[to_integer(at) + to_integer(count) :])
    ),
    "equals": lambda text, other, *_: text == to_text(other),
    "tochararray": list,
    "compareto": lambda text, other: (text > to_text(other)) - (text < to_text(other)),
}


def _append(target: list[Value], item: Value) -> Value:
    target.append(item)
    return len(target) - 1


def _take_out(target: list[Value], item: Value) -> None:
    if item in target:
        target.remove(item)


LISTS: Mapping[str, Method] = {
    "add": _append,
    "insert": lambda target, at, item: target.insert(to_integer(at), item),
    "lastindexof": lambda target, item: max((n for n, each in enumerate(target) if each == item), default=-1),
    "remove": _take_out,
    "addrange": lambda target, more: target.extend(items(more)),
    "contains": lambda target, item: item in target,
    "indexof": lambda target, item: target.index(item) if item in target else -1,
    "toarray": list,
    "clear": lambda target: target.clear(),
}


def _table_put(target: Hashtable, key: Value, value: Value) -> None:
    if key in target:
        raise PowerShellError(
            f'Exception calling "Add" with "2" argument(s): "Item has already been added. Key in dictionary: '
            f"'{to_text(key)}'  Key being added: '{to_text(key)}'\"",
            "ArgumentException",
        )
    target[key] = value


TABLES: Mapping[str, Method] = {
    "add": _table_put,
    "remove": Hashtable.remove,
    "clear": Hashtable.clear,
    "containskey": lambda target, key: key in target,
    "contains": lambda target, key: key in target,
    "getenumerator": lambda target: [
        Thing(("System.Collections.DictionaryEntry",), {"Name": key, "Key": key, "Value": value})
        for key, value in target.items()
    ],
}
COMMON: Mapping[str, Method] = {
    "tostring": lambda target, *_: to_text(target),
    "gettype": lambda target: Thing(
        ("System.RuntimeType",),
        {"Name": type_name(target).rpartition(".")[2], "FullName": type_name(target)},
        type_name(target),
    ),
    "equals": lambda target, other: target == other,
}
NUMBERS: Mapping[str, Method] = {
    "tostring": lambda number, pattern="": formatted_value(number, to_text(pattern)),
    "compareto": lambda number, other: (number > to_number(other)) - (number < to_number(other)),
}
DATES: Mapping[str, Method] = {
    "addseconds": lambda date, count: date + datetime.timedelta(seconds=to_number(count)),
    "addminutes": lambda date, count: date + datetime.timedelta(minutes=to_number(count)),
    "addhours": lambda date, count: date + datetime.timedelta(hours=to_number(count)),
    "adddays": lambda date, count: date + datetime.timedelta(days=to_number(count)),
    "touniversaltime": lambda date: date,
    "tolocaltime": lambda date: date,
    "tostring": lambda date, pattern="": formatted_value(date, to_text(pattern)),
    "compareto": lambda date, other: (date > other) - (date < other),
}
# What is asked of the engine: a script block's own call, and things that hold a method of their own.
ENGINE_METHODS = ("invoke", "invokereturnasis", "dispose", "close", "waitforstatus", "refresh")


_OF_THINGS: Mapping[str, tuple[str, ...]] = {
    "System.ServiceProcess.ServiceController": ("dispose", "close", "waitforstatus", "refresh"),
    "System.Diagnostics.Process": ("dispose", "close", "refresh"),
    "System.IO.FileInfo": ("refresh",),
    "System.IO.DirectoryInfo": ("refresh",),
    "Microsoft.Win32.RegistryKey": ("dispose", "close"),
}
"""What changes nothing here: there is nothing behind these to close, to wait for, or to ask again."""


def known_methods() -> set[str]:
    """The names of methods that some value has; any other name is not played."""
    from emulator.machines.winguest import host_calls

    tables = (STRINGS, LISTS, TABLES, COMMON, DATES, NUMBERS)
    return {name for table in tables for name in table} | set(ENGINE_METHODS) | host_calls.METHODS


def _table_of(target: Value) -> Mapping[str, Method]:  # noqa: PLR0911
    match target:
        case str():
            return STRINGS
        case ArrayList():
            return LISTS
        case list():
            return {"contains": LISTS["contains"], "indexof": LISTS["indexof"]}
        case Hashtable():
            return TABLES
        case datetime.datetime():
            return DATES
        case int() | float():
            return NUMBERS
        case _:
            return {}


async def call(engine: "Engine", target: Value, name: str, arguments: list[Value]) -> Value:
    """Call a method.

    Raises:
        PowerShellError: there is none, or it fails.
    """
    from emulator.machines.winguest import host_calls

    folded = name.casefold()
    if host_calls.is_host(target):
        return await host_calls.call(engine, target, name, arguments)
    if isinstance(target, Script) and folded in ("invoke", "invokereturnasis"):
        found: list[Value] = []
        await engine.call(target.block, found.append, {"args": arguments})
        return found
    if isinstance(target, Thing) and folded in _OF_THINGS.get(target.type_names[0], ()):
        return None
    method = _table_of(target).get(folded) or (COMMON.get(folded) if target is not None else None)
    if method is None:
        raise _not_found(target, name)
    try:
        return method(target, *arguments)
    except TypeError:
        raise PowerShellError(
            f'Cannot find an overload for "{name}" and the argument count: "{len(arguments)}".',
            "MethodCountCouldNotFindBest",
        ) from None
    except (ValueError, OverflowError, IndexError) as error:
        raise PowerShellError(f'Exception calling "{name}": "{error}"', "ArgumentException") from None


def static(target: Value, name: str) -> Value:
    """`[target]::name`."""
    found = _STATIC_VALUES.get((target.name if isinstance(target, Type) else "", name.casefold()))
    if found is not None:
        return found()
    is_value = isinstance(target, Type) and name.casefold() in _ENUMERATIONS.get(target.name, ())
    return name if is_value else None


def write_static(target: Value, name: str, value: Value) -> None:
    """Settings of .NET that change nothing here."""
    if not (isinstance(target, Type) and (target.name, name.casefold()) in SETTINGS):
        raise PowerShellError(f"The property '{name}' cannot be found on this object.", "PropertyNotFound")
    del value


async def call_static(engine: "Engine", target: Value, name: str, arguments: list[Value]) -> Value:
    """`[target]::name(…)`.

    Raises:
        PowerShellError: there is none, or it fails.
    """
    from emulator.machines.winguest import files

    key = (target.name if isinstance(target, Type) else "", name.casefold())
    if key in files.STATIC:
        return files.STATIC[key](engine, *arguments)
    method = STATIC.get(key)
    if method is None:
        raise _not_found(target, name)
    try:
        return method(*arguments)
    except (TypeError, ValueError) as error:
        raise PowerShellError(f'Exception calling "{name}": "{error}"', "ArgumentException") from None


def _is_empty(text: Value) -> bool:
    return not to_text(text)


STATIC: Mapping[tuple[str, str], Method] = {
    ("string", "isnullorempty"): _is_empty,
    ("string", "isnullorwhitespace"): lambda text: not to_text(text).strip(),
    ("string", "join"): lambda separator, *parts: to_text(separator).join(
        to_text(item) for part in parts for item in items(part)
    ),
    ("math", "round"): lambda number, digits=0: round(to_number(number), to_integer(digits)),
    ("math", "floor"): lambda number: int(to_number(number) // 1),
    ("math", "ceiling"): lambda number: -int(-to_number(number) // 1),
    ("math", "max"): lambda one, other: max(to_number(one), to_number(other)),
    ("math", "min"): lambda one, other: min(to_number(one), to_number(other)),
    ("math", "abs"): lambda number: abs(to_number(number)),
    ("convert", "tobase64string"): lambda data: base64.b64encode(_to_bytes(data)).decode(),
    ("convert", "frombase64string"): lambda text: base64.b64decode(to_text(text), validate=True),
    ("convert", "toint32"): lambda text, base=10: int(to_text(text), to_integer(base)),
    ("guid", "newguid"): lambda: str(uuid.uuid4()),
    ("io.path", "combine"): lambda *parts: ntpath.join(*(to_text(part) for part in parts)),
    ("io.path", "getfilename"): lambda path: ntpath.basename(to_text(path)),
    ("io.path", "getdirectoryname"): lambda path: ntpath.dirname(to_text(path)),
    ("io.path", "getextension"): lambda path: ntpath.splitext(to_text(path))[1],
    ("io.path", "getfilenamewithoutextension"): lambda path: ntpath.splitext(ntpath.basename(to_text(path)))[0],
    ("io.path", "getrandomfilename"): lambda: f"{uuid.uuid4().hex[:8]}.{uuid.uuid4().hex[:3]}",
    ("datetime", "parse"): _to_date,
}
SETTINGS = {
    ("net.servicepointmanager", "securityprotocol"),
    ("console", "outputencoding"),
    ("console", "inputencoding"),
    ("net.servicepointmanager", "servercertificatevalidationcallback"),
}
_ENUMERATIONS: Mapping[str, tuple[str, ...]] = {
    "net.securityprotocoltype": ("ssl3", "systemdefault", "tls", "tls11", "tls12", "tls13"),
    "text.encoding": ("ascii", "bigendianunicode", "default", "unicode", "utf7", "utf8"),
    "environmentvariabletarget": ("machine", "process", "user"),
    "consolecolor": tuple(name.casefold() for name in COLORS),
}
_STATIC_VALUES: Mapping[tuple[str, str], Callable[[], Value]] = {
    ("string", "empty"): lambda: "",
    ("int", "maxvalue"): lambda: 2**31 - 1,
    ("int", "minvalue"): lambda: -(2**31),
    ("datetime", "now"): lambda: datetime.datetime.now(datetime.UTC),
    ("datetime", "utcnow"): lambda: datetime.datetime.now(datetime.UTC),
    ("environment", "newline"): lambda: "\r\n",
    ("math", "pi"): lambda: 3.141592653589793,
}


def has_static(kind: str, name: str) -> bool:
    """Whether a type has a static method of that name."""
    from emulator.machines.winguest import files

    key = (Type.of(kind).name, name.casefold())
    return key in STATIC or key in files.STATIC


def has_static_value(kind: str, name: str) -> bool:
    """Whether a type has a static property of that name, or an enumeration its value."""
    key = (Type.of(kind).name, name.casefold())
    return key in _STATIC_VALUES or key in SETTINGS or name.casefold() in _ENUMERATIONS.get(key[0], ())


def is_known_type(name: str) -> bool:
    """Whether a type of that name can be cast to or asked for; any other is not played."""
    from emulator.machines.winguest import files

    folded = Type.of(name).name
    known = {key for key, _ in (*STATIC, *SETTINGS, *_STATIC_VALUES, *files.STATIC)}
    return folded in _CASTS or folded in known or folded in _ENUMERATIONS
