"""Cmdlets that pick, change and make objects."""

import datetime
import functools
import json
import secrets

from emulator.machines.winguest import host_types
from emulator.machines.winguest.cmdlet import Invocation, cmdlet
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.members import read
from emulator.machines.winguest.operators import BINARY, date_text, wildcard
from emulator.machines.winguest.values import (
    CUSTOM,
    ArrayList,
    Hashtable,
    Script,
    Secret,
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

MAX_JSON_DEPTH = 100
_OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le", "like", "notlike", "match", "notmatch", "contains", "in")


async def _evaluated(call: Invocation, block: Value, item: Value) -> list[Value]:
    found: list[Value] = []
    if not isinstance(block, Script):
        raise call.failure("A script block is needed.", "CannotConvertArgument", "InvalidArgument")
    await call.engine.call(block.block, found.append, {"_": item, "psitem": item}, is_new=False)
    return found


async def _for_each(call: Invocation) -> None:
    for item in call.inputs("inputobject"):
        block = call.get("process")
        if isinstance(block, Script):
            for value in await _evaluated(call, block, item):
                for each in items(value):
                    call.emit(each)
        else:
            for each in items(read(item, to_text(block))):
                call.emit(each)
        await call.engine.streams.drained()


async def _where(call: Invocation) -> None:
    operator = next((name for name in _OPERATORS if name in call.arguments), None)
    for item in call.inputs("inputobject"):
        if isinstance(call.get("property"), Script):
            keeps = is_true(collected(await _evaluated(call, call.get("property"), item)))
        elif operator is None:
            keeps = is_true(read(item, call.text("property")))
        else:
            wanted = call.get("value") if call.get(operator) is True else call.get(operator)
            keeps = is_true(BINARY[f"-{operator}"](read(item, call.text("property")), wanted))
        if keeps:
            call.emit(item)


async def _select(call: Invocation) -> None:
    given = call.inputs("inputobject")
    if call.has("unique"):
        given = [item for number, item in enumerate(given) if item not in given[:number]]
    skip = to_integer(call.get("skip", 0))
    given = given[skip:]
    if "first" in call.arguments:
        given = given[: to_integer(call.get("first"))]
    if "last" in call.arguments:
        given = given[-to_integer(call.get("last")) :] if to_integer(call.get("last")) else []
    for item in given:
        if "expandproperty" in call.arguments:
            for each in items(read(item, call.text("expandproperty"))):
                call.emit(each)
        elif "property" in call.arguments:
            call.emit(await _projected(call, item))
        else:
            call.emit(item)


async def _projected(call: Invocation, item: Value) -> Thing:
    """The properties that are asked for, calculated ones included."""
    made: dict[str, Value] = {}
    for wanted in items(call.get("property")):
        if isinstance(wanted, Hashtable):
            name = to_text(wanted["Name"] or wanted["N"] or wanted["Label"] or wanted["L"])
            made[name] = collected(await _evaluated(call, wanted["Expression"] or wanted["E"], item))
        elif "*" in to_text(wanted):
            properties = item.properties if isinstance(item, Thing) else {}
            made |= {key: each for key, each in properties.items() if wildcard(to_text(wanted)).fullmatch(key)}
        else:
            made[to_text(wanted)] = read(item, to_text(wanted))
    return Thing((f"Selected.{type_name(item)}", *CUSTOM), made)


async def _sort(call: Invocation) -> None:
    keyed = []
    for item in call.inputs("inputobject"):
        wanted = items(call.get("property"))
        keys = [
            collected(await _evaluated(call, each, item)) if isinstance(each, Script) else read(item, to_text(each))
            for each in wanted
        ]
        keyed.append((keys or [item], item))
    keyed.sort(key=functools.cmp_to_key(_compare_keys), reverse=call.has("descending"))
    seen: list[Value] = []
    for keys, item in keyed:
        if not (call.has("unique") and keys in seen):
            call.emit(item)
        seen.append(keys)


def _compare_keys(one: tuple[list[Value], Value], other: tuple[list[Value], Value]) -> int:
    for left, right in zip(one[0], other[0], strict=True):
        if BINARY["-lt"](left, right):
            return -1
        if BINARY["-gt"](left, right):
            return 1
    return 0


async def _measure(call: Invocation) -> None:
    given = call.inputs("inputobject")
    name = call.text("property")
    numbers = [to_number(read(item, name) if name else item) for item in given] if _wants_numbers(call) else []
    made: dict[str, Value] = {"Count": len(given), "Average": None, "Sum": None, "Maximum": None, "Minimum": None}
    if numbers:
        made |= {"Average": sum(numbers) / len(numbers)} if call.has("average") else {}
        made |= {"Sum": sum(numbers)} if call.has("sum") else {}
        made |= {"Maximum": max(numbers)} if call.has("maximum") else {}
        made |= {"Minimum": min(numbers)} if call.has("minimum") else {}
    call.emit(Thing(("Microsoft.PowerShell.Commands.GenericMeasureInfo",), {**made, "Property": name or None}))


def _wants_numbers(call: Invocation) -> bool:
    return any(call.has(name) for name in ("average", "sum", "maximum", "minimum"))


async def _new_object(call: Invocation) -> None:
    kind = Type.of(call.text("typename")).name
    given = call.get("property")
    match kind:
        case "psobject" | "pscustomobject" | "management.automation.psobject" | "object":
            properties = dict(given.items()) if isinstance(given, Hashtable) else {}
            call.emit(Thing(CUSTOM, {to_text(key): value for key, value in properties.items()}))
        case "collections.arraylist":
            call.emit(ArrayList())
        case "hashtable" | "collections.hashtable":
            call.emit(Hashtable())
        case "version":
            from emulator.machines.winguest.evaluator import version

            call.emit(version(tuple(to_text(call.get("argumentlist")).split("."))))
        case _ if (made := host_types.made(kind, items(call.get("argumentlist")))) is not None:
            call.emit(made)
        case _:
            raise PowerShellError(
                f"Cannot find type [{call.text('typename')}]: verify that the assembly containing it is loaded.",
                "TypeNotFound,Microsoft.PowerShell.Commands.NewObjectCommand",
                "InvalidType",
                activity="New-Object",
            )


async def _add_member(call: Invocation) -> None:
    for item in call.inputs("inputobject"):
        if isinstance(item, Thing):
            item.put(call.text("name"), call.get("value"))
        if call.has("passthru"):
            call.emit(item)


def _plain(value: Value, depth: int = 0) -> object:
    """A value as JSON has it."""
    if depth > MAX_JSON_DEPTH:
        return to_text(value)
    match value:
        case Hashtable():
            return {to_text(key): _plain(each, depth + 1) for key, each in value.items()}
        case Thing(text=None):
            return {key: _plain(each, depth + 1) for key, each in value.properties.items()}
        case list():
            return [_plain(item, depth + 1) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return to_text(value)


async def _to_json(call: Invocation) -> None:
    given = collected(call.inputs("inputobject"))
    is_compressed = call.has("compress")
    separators = (",", ":") if is_compressed else (",", ":  ")
    text = json.dumps(_plain(given), indent=None if is_compressed else 4, separators=separators, ensure_ascii=False)
    call.emit(text.replace("\n", "\r\n"))


def _lifted(value: object) -> Value:
    match value:
        case dict():
            return Thing(CUSTOM, {key: _lifted(each) for key, each in value.items()})
        case list():
            return [_lifted(item) for item in value]
        case _:
            return value


async def _from_json(call: Invocation) -> None:
    text = "\n".join(to_text(item) for item in call.inputs("inputobject"))
    try:
        found = _lifted(json.loads(text))
    except (ValueError, RecursionError):
        failure = call.failure("Invalid JSON primitive.", "System.ArgumentException", "NotSpecified")
        failure.activity = ""  # it ends its statement, so that a script can catch it
        raise failure from None
    for item in items(found):
        call.emit(item)


async def _get_date(call: Invocation) -> None:
    moment = datetime.datetime.now(datetime.UTC)
    if "date" in call.arguments:
        from emulator.machines.winguest.members import converted

        moment = converted(call.get("date"), Type("datetime"))
    pattern = call.text("format")
    call.emit(date_text(moment, pattern) if pattern else moment)


async def _get_random(call: Invocation) -> None:
    given = call.inputs("inputobject")
    if given:
        call.emit(secrets.choice(given))
        return
    low, high = to_integer(call.get("minimum", 0)), to_integer(call.get("maximum", 2**31 - 1))
    call.emit(low + secrets.randbelow(max(high - low, 1)))


async def _to_secure_string(call: Invocation) -> None:
    for item in call.inputs("string"):
        call.emit(Secret(to_text(item)))


async def _from_secure_string(call: Invocation) -> None:
    for item in call.inputs("securestring"):
        if isinstance(item, Secret):
            call.emit(item.text.encode("utf-16-le").hex())


CMDLETS = (
    cmdlet("ForEach-Object", _for_each, "Process InputObject", positional="Process"),
    cmdlet("Where-Object", _where, f"Property Value InputObject {' '.join(_OPERATORS)}", positional="Property Value"),
    cmdlet(
        "Select-Object",
        _select,
        "Property ExpandProperty First Last Skip -Unique InputObject",
        positional="Property",
    ),
    cmdlet("Sort-Object", _sort, "Property -Descending -Unique InputObject", positional="Property", takes_rest=True),
    cmdlet("Measure-Object", _measure, "Property -Sum -Average -Maximum -Minimum InputObject", positional="Property"),
    cmdlet("New-Object", _new_object, "TypeName ArgumentList Property", positional="TypeName ArgumentList"),
    cmdlet(
        "Add-Member",
        _add_member,
        "InputObject MemberType Name Value -PassThru -Force",
        positional="MemberType Name Value",
    ),
    cmdlet("ConvertTo-Json", _to_json, "InputObject Depth -Compress", positional="InputObject"),
    cmdlet("ConvertFrom-Json", _from_json, "InputObject", positional="InputObject"),
    cmdlet("Get-Date", _get_date, "Date Format", positional="Date"),
    cmdlet("Get-Random", _get_random, "Maximum Minimum InputObject", positional="Maximum"),
    cmdlet("ConvertTo-SecureString", _to_secure_string, "String -AsPlainText -Force", positional="String"),
    cmdlet("ConvertFrom-SecureString", _from_secure_string, "SecureString", positional="SecureString"),
)
