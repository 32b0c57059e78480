"""What a script makes to ask a person by it: choices, and fields of a form."""

from collections.abc import Mapping, Sequence

from emulator.machines.winguest.values import Thing, Value, items, to_text

CHOICE = "System.Management.Automation.Host.ChoiceDescription"
FIELD = "System.Management.Automation.Host.FieldDescription"
NAMES: Mapping[str, str] = {name.removeprefix("System.").casefold(): name for name in (CHOICE, FIELD)}
"""Types by the names that scripts give them, folded."""
COLORS = (
    "Black", "DarkBlue", "DarkGreen", "DarkCyan", "DarkRed", "DarkMagenta", "DarkYellow", "Gray", "DarkGray", "Blue",
    "Green", "Cyan", "Red", "Magenta", "Yellow", "White",
)  # fmt: skip
"""`System.ConsoleColor`, by value."""


def made(kind: str, arguments: Sequence[Value]) -> Thing | None:
    """A new object of that type, or None where it is no type of these, or is not made of so much."""
    texts = [to_text(argument) for argument in arguments]
    match NAMES.get(kind), texts:
        case (name, [label, *rest]) if name == CHOICE and len(rest) <= 1:
            return choice(label, *rest)
        case (name, [label]) if name == FIELD:
            return field(label)
        case _:
            return None


def choices(value: Value) -> list[Value]:
    """`[ChoiceDescription[]]`: labels become choices."""
    return [each if isinstance(each, Thing) else choice(to_text(each)) for each in items(value)]


def choice(label: str, help_message: str = "") -> Thing:
    """One of a choice's answers."""
    return Thing((CHOICE,), {"Label": label, "HelpMessage": help_message})


def field(name: str, kind: str = "System.String") -> Thing:
    """A question of a form."""
    short = kind.rpartition(".")[2]
    properties = {"Name": name, "Label": "", "HelpMessage": "", "IsMandatory": True, "DefaultValue": None}
    return Thing((FIELD,), {**properties, "ParameterTypeName": short, "ParameterTypeFullName": kind})
