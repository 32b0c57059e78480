"""`$Host` and `$Host.UI`: what a script asks of the person at the client."""

from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.values import Thing, Value, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine

HOST = "System.Management.Automation.Internal.Host.InternalHost"
UI = "System.Management.Automation.Internal.Host.InternalHostUserInterface"
RAW = "System.Management.Automation.Internal.Host.InternalHostRawUserInterface"
METHODS = {
    "write",
    "writeline",
    "writedebugline",
    "writeerrorline",
    "writeverboseline",
    "writewarningline",
    "readline",
    "setshouldexit",
}


def host() -> Thing:
    """`$Host`."""
    raw = Thing((RAW,), {"WindowTitle": "", "ForegroundColor": "Gray", "BackgroundColor": "Black"})
    return Thing((HOST,), {"Name": "ServerRemoteHost", "UI": Thing((UI,), {"RawUI": raw})})


def is_host(value: Value) -> bool:
    """Whether a value is the host or a part of it."""
    return isinstance(value, Thing) and value.type_names[0] in (HOST, UI, RAW)


async def call(engine: "Engine", target: Thing, name: str, arguments: list[Value]) -> Value:
    """Call one of the host's methods; those that only write are streams here.

    Raises:
        PowerShellError: nobody is there to be asked, or there is no such method.
    """
    del target
    folded = name.casefold()
    text = to_text(arguments[-1]) if arguments else ""
    match folded:
        case "write" | "writeline":
            engine.streams.host(text, ends_line=folded == "writeline")
        case "writewarningline" | "writeverboseline" | "writedebugline":
            engine.streams.message(folded.removeprefix("write").removesuffix("line"), text)
        case "writeerrorline":
            engine.streams.message("stderr", f"{text}\n")
        case "readline" | "setshouldexit":
            return await engine.streams.ask(name, arguments)
        case _:
            raise PowerShellError(
                f"Method invocation failed because [{HOST}] does not contain a method named '{name}'.",
                "MethodNotFound",
            )
    return None
