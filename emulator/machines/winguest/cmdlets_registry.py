"""Cmdlets over the values of registry keys; a file's properties can be read by the same."""

from emulator.machines.winguest import registry
from emulator.machines.winguest.cmdlet import Invocation, cmdlet
from emulator.machines.winguest.operators import wildcard
from emulator.machines.winguest.values import CUSTOM, Thing, Value, items, to_integer, to_text

_NUMERIC = ("dword", "qword")


def _paths(call: Invocation) -> list[str]:
    given = call.get("literalpath") if "literalpath" in call.arguments else None
    found = items(given) if given is not None else call.inputs("path")
    return [to_text(item.get("PSPath")) if isinstance(item, Thing) else to_text(item) for item in found]


async def _get_property(call: Invocation) -> None:
    for path in _paths(call):
        key = registry.find(call.engine, path)
        if key is None:
            registry.missing(call, path)
            continue
        wanted = call.texts("name") or ["*"]
        found: dict[str, Value] = {
            name: value
            for name, value in key.values.items()
            if any(wildcard(each).fullmatch(name) for each in wanted)
        }
        absent = [
            name for name in wanted if "*" not in name and name.casefold() not in {key.casefold() for key in found}
        ]
        for name in absent:
            call.error(
                f"Property {name} does not exist at path {path}.",
                "System.Management.Automation.PSArgumentException",
                "InvalidArgument",
                name,
            )
        if found and call.name == "Get-ItemPropertyValue":
            for value in found.values():
                call.emit(value)
        elif found or not absent:
            call.emit(Thing(CUSTOM, {**found, "PSPath": path, "PSChildName": path.rpartition("\\")[2]}))


async def _set_property(call: Invocation) -> None:
    for path in _paths(call):
        key = registry.find(call.engine, path)
        if key is None:
            registry.missing(call, path)
            continue
        name, kind = call.text("name"), (call.text("type") or call.text("propertytype")).casefold()
        known = next((each for each in key.values if each.casefold() == name.casefold()), None)
        if call.name == "New-ItemProperty" and known is not None and not call.has("force"):
            call.error("The property already exists.", "System.IO.IOException", "ResourceExists", path)
            continue
        value = call.get("value")
        key.values[known or name] = to_integer(value) if kind in _NUMERIC else value
        key.kinds[known or name] = kind or key.kinds.get(name, "string")
        if call.name == "New-ItemProperty" or call.has("passthru"):
            call.emit(Thing(CUSTOM, {name: key.values[known or name], "PSPath": path}))


async def _remove_property(call: Invocation) -> None:
    for path in _paths(call):
        key = registry.find(call.engine, path)
        name = call.text("name")
        known = next((each for each in key.values if each.casefold() == name.casefold()), None) if key else None
        if key is None:
            registry.missing(call, path)
        elif known is None:
            call.error(
                f"Property {name} does not exist at path {path}.", "PSArgumentException", "InvalidArgument", name
            )
        else:
            del key.values[known]


_PATHS = "Path LiteralPath Name"
CMDLETS = (
    cmdlet("Get-ItemProperty", _get_property, _PATHS, positional="Path Name"),
    cmdlet("Get-ItemPropertyValue", _get_property, _PATHS, positional="Path Name"),
    cmdlet("Set-ItemProperty", _set_property, f"{_PATHS} Value Type -Force -PassThru", positional="Path Name Value"),
    cmdlet(
        "New-ItemProperty",
        _set_property,
        f"{_PATHS} Value PropertyType -Force Type=PropertyType",
        positional="Path Name",
    ),
    cmdlet("Remove-ItemProperty", _remove_property, f"{_PATHS} -Force", positional="Path Name"),
)
