"""What the client's host is asked, as PowerShell remoting carries it; a part of the door to psrpcore."""

from typing import Any

from psrpcore.types import ChoiceDescription, ConsoleColor, FieldDescription, HostInfo, PSInt

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.host_calls import RAW
from emulator.machines.winguest.host_types import COLORS
from emulator.machines.winguest.values import Thing, Value, to_text
from emulator.machines.winrm.psrp_values import to_wire

_WINDOW = ("CursorPosition", "WindowPosition", "BufferSize", "WindowSize", "MaxWindowSize", "MaxPhysicalWindowSize")


def parameters(method: str, arguments: list[Value]) -> list[Any]:
    """The parameters of a host call; MS-PSRP 2.2.6 has colors as numbers, and choices and fields by small names.

    Raises:
        PowerShellError: an argument is none that the method takes.
    """
    match method, arguments:
        case (("Write2" | "WriteLine3"), [foreground, background, text]):
            return [_color(foreground), _color(background), text]
        case (("SetForegroundColor" | "SetBackgroundColor"), [color]):
            return [_color(color)]
        case "PromptForChoice", [caption, message, choices, default]:
            return [caption, message, [_choice(each) for each in choices], default]
        case "Prompt", [caption, message, fields]:
            return [caption, message, [_field(each) for each in fields]]
        case _:
            return [to_wire(argument) for argument in arguments]


def _color(value: Value) -> PSInt:
    known = {name.casefold(): number for number, name in enumerate(COLORS)}
    number = known.get(to_text(value).casefold())
    if number is None:
        raise PowerShellError(
            f'Cannot convert argument "foregroundColor", with value: "{to_text(value)}", '
            'to type "System.ConsoleColor".',
            "MethodArgumentConversionInvalidCastArgument",
        )
    return PSInt(number)


def _choice(value: Thing) -> Any:
    made = ChoiceDescription(Label=to_text(value.get("Label")), HelpMessage=to_text(value.get("HelpMessage")))
    return ChoiceDescription.ToPSObjectForRemoting(made, for_host=True)


def _field(value: Value) -> Any:
    if not isinstance(value, Thing):
        raise PowerShellError(
            f'Cannot convert argument "descriptions", with value: "{to_text(value)}", to a FieldDescription.',
            "MethodArgumentConversionInvalidCastArgument",
        )
    kind = to_text(value.get("ParameterTypeFullName"))
    made = FieldDescription(
        Name=to_text(value.get("Name")),
        ParameterTypeName=to_text(value.get("ParameterTypeName")),
        ParameterTypeFullName=kind,
        ParameterAssemblyFullName="mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
        Label=to_text(value.get("Label")),
        HelpMessage=to_text(value.get("HelpMessage")),
        IsMandatory=True,
        DefaultValue=None,
        Attributes=[],
    )
    return FieldDescription.ToPSObjectForRemoting(made, for_host=True)


def window(info: HostInfo | None) -> Thing | None:
    """The client's window, as far as it has told of one."""
    told: Any = None if info is None or info.IsHostRawUINull else info.HostDefaultData
    if told is None:
        return None
    properties: dict[str, Value] = {
        "ForegroundColor": ConsoleColor(told.ForegroundColor).name,
        "BackgroundColor": ConsoleColor(told.BackgroundColor).name,
        "CursorSize": int(told.CursorSize),
        "WindowTitle": str(told.WindowTitle),
    }
    return Thing((RAW,), {**properties, **{name: _place(getattr(told, name)) for name in _WINDOW}})


def _place(value: Any) -> Thing:
    """Coordinates or a size, shown as Windows shows them."""
    names = ("X", "Y") if hasattr(value, "X") else ("Width", "Height")
    numbers = [int(getattr(value, name)) for name in names]
    kind = "Coordinates" if names[0] == "X" else "Size"
    shown = ",".join(map(str, numbers))
    return Thing(
        (f"System.Management.Automation.Host.{kind}", "System.ValueType"),
        dict(zip(names, numbers, strict=True)),
        shown,
    )
