"""`$Host` and `$Host.UI`: what a script tells and asks the person at the client.

Names and versions are those of Windows' ServerRemoteHost and ConsoleHost; which overload becomes which call of the
client's host is MS-PSRP 2.2.3.17. What only writes is for that person alone, and in no stream.
"""

import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.host_types import choices
from emulator.machines.winguest.values import Thing, Value, items, to_integer, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine

HOST = "System.Management.Automation.Internal.Host.InternalHost"
UI = "System.Management.Automation.Internal.Host.InternalHostUserInterface"
RAW = "System.Management.Automation.Internal.Host.InternalHostRawUserInterface"
GENERIC_AND_DOMAIN, VALIDATES_NAMES = 3, 1
"""What PromptForCredential asks for where a script does not say it: PSCredentialTypes and PSCredentialUIOptions."""
CALLS: Mapping[tuple[str, int], str] = {
    ("write", 1): "Write1",
    ("write", 3): "Write2",
    ("writeline", 0): "WriteLine1",
    ("writeline", 1): "WriteLine2",
    ("writeline", 3): "WriteLine3",
    ("writeerrorline", 1): "WriteErrorLine",
    ("writedebugline", 1): "WriteDebugLine",
    ("writeverboseline", 1): "WriteVerboseLine",
    ("writewarningline", 1): "WriteWarningLine",
    ("readline", 0): "ReadLine",
    ("readlineassecurestring", 0): "ReadLineAsSecureString",
    ("prompt", 3): "Prompt",
    ("promptforcredential", 4): "PromptForCredential2",
    ("promptforcredential", 6): "PromptForCredential2",
    ("promptforchoice", 4): "PromptForChoice",
    ("setshouldexit", 1): "SetShouldExit",
    ("readkey", 0): "ReadKey",
    ("readkey", 1): "ReadKey",
    ("flushinputbuffer", 0): "FlushInputBuffer",
}
"""Methods by name and number of arguments, and the client's method that each is."""
METHODS = {name for name, _ in CALLS}
SETTERS: Mapping[str, tuple[str, Callable[[Value], Value]]] = {
    "windowtitle": ("SetWindowTitle", to_text),
    "foregroundcolor": ("SetForegroundColor", to_text),
    "backgroundcolor": ("SetBackgroundColor", to_text),
    "cursorsize": ("SetCursorSize", to_integer),
}
"""Properties of the window that a script may set."""
OF_WINDOW = {"ReadKey", "FlushInputBuffer", *(method for method, _ in SETTERS.values())}
KEYS = {"allowctrlc": 1, "noecho": 2, "includekeydown": 4, "includekeyup": 8}
"""`System.Management.Automation.Host.ReadKeyOptions`."""


def host(raw: Thing | None = None) -> Thing:
    """`$Host` of a remote session; `raw` is the client's window."""
    return _host("ServerRemoteHost", ("1", "0", "0", "0"), raw)


def console() -> Thing:
    """`$Host` of powershell.exe."""
    return _host("ConsoleHost", ("5", "1", "20348", "2400"), None)


def _host(name: str, version: tuple[str, ...], raw: Thing | None) -> Thing:
    from emulator.machines.winguest.evaluator import version as made

    window = raw or Thing((RAW,), {"WindowTitle": "", "ForegroundColor": "Gray", "BackgroundColor": "Black"})
    properties = {
        "Name": name,
        "Version": made(version),
        "InstanceId": str(uuid.uuid4()),
        "UI": Thing((UI,), {"RawUI": window}),
        "CurrentCulture": _culture(),
        "CurrentUICulture": _culture(),
        "PrivateData": None,
        "IsRunspacePushed": False,
        "Runspace": None,
    }
    return Thing((HOST,), properties)


def _culture() -> Thing:
    properties = {
        "LCID": 1033,
        "Name": "en-US",
        "IetfLanguageTag": "en-US",
        "DisplayName": "English (United States)",
        "NativeName": "English (United States)",
        "EnglishName": "English (United States)",
        "TwoLetterISOLanguageName": "en",
        "ThreeLetterISOLanguageName": "eng",
        "ThreeLetterWindowsLanguageName": "ENU",
    }
    return Thing(("System.Globalization.CultureInfo",), properties, "en-US")


def is_host(value: Value) -> bool:
    """Whether a value is the host or a part of it."""
    return isinstance(value, Thing) and value.type_names[0] in (HOST, UI, RAW)


async def call(engine: "Engine", target: Thing, name: str, arguments: list[Value]) -> Value:
    """Call one of the host's methods.

    Raises:
        PowerShellError: nobody is there to be asked, or there is no such method.
    """
    method = CALLS.get((name.casefold(), len(arguments)))
    part = HOST if method == "SetShouldExit" else RAW if method in OF_WINDOW else UI
    if method is None or target.type_names[0] != part:
        raise PowerShellError(
            f"Method invocation failed because [{target.type_names[0]}] does not contain a method named '{name}'.",
            "MethodNotFound",
        )
    return await engine.streams.ask(method, _converted(method, arguments))


async def assign(engine: "Engine", target: Thing, name: str, value: Value) -> None:
    """Set a property of the window, at the client's and as the script sees it.

    Raises:
        PowerShellError: it is none that can be set.
    """
    method, convert = SETTERS.get(name.casefold(), ("", to_text))
    if not method or target.type_names[0] != RAW:
        raise PowerShellError(
            f"The property '{name}' cannot be found on this object. Verify that the property exists and can be set.",
            "PropertyNotFound",
            "InvalidOperation",
        )
    await engine.streams.ask(method, [convert(value)])
    target.put(name, convert(value))


def _keys(options: Value) -> int:
    words = [word.strip().casefold() for word in to_text(options).split(",")]
    return sum(KEYS[word] for word in words) if all(word in KEYS for word in words) else to_integer(options)


def _converted(method: str, arguments: list[Value]) -> list[Value]:
    """The arguments as the method's parameters are typed."""
    match method, arguments:
        case "SetShouldExit", [code]:
            return [to_integer(code)]
        case "ReadKey", options:
            return [_keys(options[0]) if options else KEYS["includekeydown"]]
        case "PromptForChoice", [caption, message, answers, default]:
            return [to_text(caption), to_text(message), choices(answers), to_integer(default)]
        case "Prompt", [caption, message, fields]:
            return [to_text(caption), to_text(message), items(fields)]
        case "PromptForCredential2", [caption, message, user, place, *rest]:
            return [*map(to_text, (caption, message, user, place)), *(rest or (GENERIC_AND_DOMAIN, VALIDATES_NAMES))]
        case _:
            return [to_text(argument) for argument in arguments]
