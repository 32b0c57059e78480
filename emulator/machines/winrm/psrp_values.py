"""The guest's values as PowerShell remoting carries them, and back; a part of the door to psrpcore."""

import datetime
import decimal
import uuid
from typing import Any

from psrpcore.types import (
    ErrorCategory,
    ErrorCategoryInfo,
    ErrorRecord,
    NETException,
    PSChar,
    PSCustomObject,
    PSDict,
    PSInt,
    PSInt64,
    PSNoteProperty,
    PSObject,
    PSScriptBlock,
    PSSecureString,
    PSVersion,
    add_note_property,
)

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import (
    CUSTOM,
    Hashtable,
    Script,
    Secret,
    Thing,
    Value,
    to_text,
)

MAX_DEPTH = 12
"""How deep objects in objects are carried; what is deeper is text, as PowerShell itself makes it."""


def to_wire(value: Value, depth: int = 0) -> Any:  # noqa: C901, PLR0911
    """A value as psrpcore serializes it."""
    if depth > MAX_DEPTH:
        return to_text(value)
    match value:
        case None | bool() | float() | bytes() | str():
            return value
        case int():
            return _number(value)
        case datetime.datetime():
            return value
        case list():
            return [to_wire(item, depth + 1) for item in value]
        case Hashtable():
            return PSDict({to_wire(key, depth + 1): to_wire(each, depth + 1) for key, each in value.items()})
        case Secret():
            return PSSecureString(value.text)
        case Script():
            return PSScriptBlock(value.block.text)
        case Thing():
            return _object(value, depth)
        case _:
            return to_text(value)


def _number(value: int) -> Any:
    if -(2**31) <= value < 2**31:
        return PSInt(value)
    return PSInt64(value) if -(2**63) <= value < 2**63 else float(value)


def _object(value: Thing, depth: int) -> Any:
    if value.type_names[0] == "System.Version" and value.text:
        return PSVersion(value.text)
    made: Any = PSCustomObject() if value.type_names == CUSTOM else PSObject()
    if value.type_names != CUSTOM:
        made.PSObject.type_names = [*value.type_names, "System.Object"]
    if value.text is not None:
        made.PSObject.to_string = value.text
    for name, each in value.properties.items():
        if not isinstance(each, PowerShellError):
            wired = to_wire(each, depth + 1)
            if value.type_names == CUSTOM:
                add_note_property(made, name, wired, force=True)
            else:
                # What .NET's own objects have, and not what a script added.
                made.PSObject.adapted_properties.append(PSNoteProperty(name, value=wired))
    return made


def from_wire(value: Any, depth: int = 0) -> Value:  # noqa: C901, PLR0911, PLR0912
    """What a client sent, as the guest has it."""
    if depth > MAX_DEPTH:
        return str(value)
    match value:
        case None | bool():
            return value
        case PSSecureString():
            return Secret(value.decrypt())
        case PSVersion():
            return Thing(("System.Version",), {}, str(value))
        case dict():
            made = Hashtable()
            for key, each in value.items():
                made[from_wire(key, depth + 1)] = from_wire(each, depth + 1)
            return made
        case list():
            return [from_wire(item, depth + 1) for item in value]
        case bytes():
            return bytes(value)
        case PSChar():
            return chr(value)
        case int():
            return int(value)
        case decimal.Decimal() | float():
            return float(value)
        case str():
            return str(value)
        case datetime.datetime() | datetime.timedelta() | uuid.UUID():
            return str(value)
        case PSObject():
            return _thing(value, depth)
        case _:
            return str(value)


def _thing(value: Any, depth: int) -> Thing:
    found = value.PSObject
    properties = {
        each.name: from_wire(each.get_value(value), depth + 1)
        for each in (*found.adapted_properties, *found.extended_properties)
    }
    names = tuple(name.removeprefix("Deserialized.") for name in found.type_names) or CUSTOM
    return Thing(names, properties, found.to_string)


_CATEGORIES = {category.name.casefold(): category for category in ErrorCategory}


def category_of(error: PowerShellError) -> ErrorCategoryInfo:
    """An error's CategoryInfo."""
    reason = error.exception.rpartition(".")[2]
    info = ErrorCategoryInfo(
        Category=_CATEGORIES.get(error.category.casefold(), ErrorCategory.NotSpecified),
        Activity=error.activity or None,
        Reason=reason,
        TargetName=error.target or None,
        TargetType="String" if error.target else None,
    )
    info.PSObject.to_string = f"{error.category}: ({error.target}:String) [{error.activity}], {reason}"
    return info


def exception_of(error: PowerShellError) -> NETException:
    """An error's exception."""
    exception = NETException(Message=error.message, HResult=-2146233087)
    exception.PSObject.type_names = [error.exception, "System.SystemException", *exception.PSObject.type_names]
    exception.PSObject.to_string = f"{error.exception}: {error.message}"
    return exception


def record_of(error: PowerShellError) -> ErrorRecord:
    """An error as what ended a pipeline."""
    return ErrorRecord(
        Exception=exception_of(error),
        CategoryInfo=category_of(error),
        TargetObject=to_wire(error.thrown) if error.thrown is not None else error.target or None,
        FullyQualifiedErrorId=error.identity,
    )
