"""Registry keys by path, kept as data."""

import re
from typing import TYPE_CHECKING

from emulator.machines.winguest.values import Thing, Value

if TYPE_CHECKING:
    from emulator.machines.winguest.cmdlet import Invocation
    from emulator.machines.winguest.computer import Key
    from emulator.machines.winguest.engine import Engine

_ROOTS = {
    "hkey_local_machine": "HKLM:",
    "hkey_current_user": "HKCU:",
    "hkey_classes_root": "HKCR:",
    "hkey_users": "HKU:",
    "hklm": "HKLM:",
    "hkcu": "HKCU:",
}
_PATH = re.compile(
    r"(?:Microsoft\.PowerShell\.Core\\)?(?:Registry::)?(\w+):?(?:[\\/](.*))?", re.IGNORECASE | re.DOTALL
)


def normal(path: str) -> str | None:
    r"""`HKLM:\…` for any spelling of a key's path; None where it is none."""
    match = _PATH.fullmatch(path.strip())
    root = _ROOTS.get(match[1].casefold()) if match else None
    if match is None or root is None:
        return None
    return "\\".join((root, (match[2] or "").replace("/", "\\").strip("\\"))).rstrip("\\")


def is_key(engine: "Engine", path: str) -> bool:
    """Whether a path is one of the registry's."""
    del engine
    return normal(path) is not None


def find(engine: "Engine", path: str) -> "Key | None":
    """The key of that path."""
    return engine.session.computer.key(normal(path) or "")


def _thing(key: "Key") -> Thing:
    name = key.path.replace("HKLM:", "HKEY_LOCAL_MACHINE").replace("HKCU:", "HKEY_CURRENT_USER")
    properties: dict[str, Value] = {
        "Name": name,
        "PSChildName": key.path.rpartition("\\")[2],
        "PSPath": f"Microsoft.PowerShell.Core\\Registry::{name}",
        "Property": list(key.values),
    }
    return Thing(("Microsoft.Win32.RegistryKey",), properties, name)


def missing(call: "Invocation", path: str) -> None:
    """Say that a key is not there."""
    call.error(f"Cannot find path '{path}' because it does not exist.", "PathNotFound", target=path)


def emit_key(call: "Invocation", path: str) -> None:
    """`Get-Item`."""
    key = find(call.engine, path)
    if key is None:
        missing(call, path)
    else:
        call.emit(_thing(key))


def emit_children(call: "Invocation", path: str) -> None:
    """`Get-ChildItem`."""
    at = (normal(path) or "").casefold()
    if find(call.engine, path) is None:
        missing(call, path)
    for known, key in sorted(call.engine.session.computer.registry.items()):
        if known.rpartition("\\")[0] == at or (call.has("recurse") and known.startswith(f"{at}\\")):
            call.emit(_thing(key))


def make(call: "Invocation", path: str) -> None:
    """`New-Item`."""
    if find(call.engine, path) is not None and not call.has("force"):
        call.error("A key in this path already exists.", "System.IO.IOException", "ResourceExists", path)
        return
    key = call.engine.session.computer.make_key(normal(path) or path)
    if call.get("value") is not None:
        key.values["(default)"] = call.get("value")
    call.emit(_thing(key))


def remove(call: "Invocation", path: str) -> None:
    """`Remove-Item`."""
    if find(call.engine, path) is None:
        missing(call, path)
    else:
        call.engine.session.computer.remove_key(normal(path) or path)
