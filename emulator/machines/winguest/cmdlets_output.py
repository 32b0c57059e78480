"""Cmdlets that write."""

import asyncio

from emulator.machines.winguest.cmdlet import Cmdlet, Invocation, cmdlet
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.text import lines_of, listed, tabled
from emulator.machines.winguest.values import Hashtable, Thing, items, to_integer, to_text


async def _write_output(call: Invocation) -> None:
    given = call.get("inputobject") if "inputobject" in call.arguments else call.given
    if call.has("noenumerate"):
        call.emit(given)
        return
    for item in items(given):
        call.emit(item)


async def _write_host(call: Invocation) -> None:
    separator = call.text("separator", " ")
    given = call.inputs("object")
    text = separator.join(to_text(item) for item in given)
    call.engine.streams.host(text, ends_line=not call.has("nonewline"))


async def _write_error(call: Invocation) -> None:
    exception = call.get("exception")
    default = to_text(exception.get("Message")) if isinstance(exception, Thing) else ""
    message = call.text("message", default)
    identity = call.text("errorid", "Microsoft.PowerShell.Commands.WriteErrorException")
    error = PowerShellError(
        message,
        identity,
        call.text("category", "NotSpecified"),
        call.text("targetobject"),
        "Microsoft.PowerShell.Commands.WriteErrorException",
        "Write-Error",
    )
    call.engine.report(error, call.text("erroraction").casefold())


def _messenger(name: str, kind: str, default: str) -> Cmdlet:
    async def write(call: Invocation) -> None:
        preference = call.engine.preference(f"{kind}Preference", default)
        wanted = call.has(kind) if kind in call.arguments else preference not in ("silentlycontinue", "ignore")
        for item in call.inputs("message"):
            if wanted:
                call.engine.streams.message(kind, to_text(item))
            if preference == "stop":
                raise PowerShellError(to_text(item), "ActionPreferenceStop", "OperationStopped", is_thrown=True)

    return cmdlet(name, write, "Message", positional="Message")


async def _write_information(call: Invocation) -> None:
    preference = call.engine.preference("InformationPreference", "silentlycontinue")
    action = call.text("informationaction", preference).casefold()
    if action not in ("silentlycontinue", "ignore"):
        call.engine.streams.message("information", call.text("messagedata"))


async def _write_progress(call: Invocation) -> None:
    if call.engine.preference("ProgressPreference", "continue") not in ("silentlycontinue", "ignore"):
        percent = to_integer(call.get("percentcomplete", -1))
        call.engine.streams.progress(call.text("activity"), call.text("status", "Processing"), percent)


async def _out_null(_: Invocation) -> None:
    await asyncio.sleep(0)


async def _out_default(call: Invocation) -> None:
    for item in call.inputs("inputobject"):
        call.emit(item)


async def _out_host(call: Invocation) -> None:
    for line in lines_of(call.inputs("inputobject")):
        call.engine.streams.host(line.removesuffix("\r\n"), ends_line=True)


async def _out_string(call: Invocation) -> None:
    lines = list(lines_of(call.inputs("inputobject")))
    if call.has("stream"):
        for line in "".join(lines).splitlines():
            call.emit(line)
    else:
        call.emit("".join(lines))


def _rows(call: Invocation) -> list[dict[str, str]]:
    wanted = call.texts("property")
    rows: list[dict[str, str]] = []
    for item in call.inputs("inputobject"):
        if isinstance(item, Hashtable):
            found = [{"Name": to_text(key), "Value": to_text(value)} for key, value in item.items()]
        elif isinstance(item, Thing):
            shown = {name: item.get(name) for name in wanted} if wanted and wanted != ["*"] else item.properties
            found = [{name: to_text(value) for name, value in shown.items()}]
        else:
            found = [{"Value": to_text(item)}]
        rows += found
    return rows


async def _format_table(call: Invocation) -> None:
    rows = _rows(call)
    if rows:
        lines = list(tabled(rows))
        call.emit("".join(lines[:1] + lines[3 if call.has("hidetableheaders") else 1 :]).removesuffix("\r\n"))


async def _format_list(call: Invocation) -> None:
    rows = _rows(call)
    if rows:
        call.emit("".join(listed(rows)).removesuffix("\r\n"))


CMDLETS = (
    cmdlet("Write-Output", _write_output, "InputObject -NoEnumerate", positional="InputObject", takes_rest=True),
    cmdlet(
        "Write-Host",
        _write_host,
        "Object -NoNewline ForegroundColor BackgroundColor Separator",
        positional="Object",
        takes_rest=True,
    ),
    cmdlet(
        "Write-Error",
        _write_error,
        "Message Exception Category ErrorId TargetObject RecommendedAction",
        positional="Message",
    ),
    _messenger("Write-Warning", "warning", "continue"),
    _messenger("Write-Verbose", "verbose", "silentlycontinue"),
    _messenger("Write-Debug", "debug", "silentlycontinue"),
    cmdlet("Write-Information", _write_information, "MessageData Tags", positional="MessageData Tags"),
    cmdlet(
        "Write-Progress",
        _write_progress,
        "Activity Status Id PercentComplete SecondsRemaining CurrentOperation ParentId -Completed SourceId",
        positional="Activity Status Id",
    ),
    cmdlet("Out-Null", _out_null, "InputObject"),
    cmdlet("Out-Default", _out_default, "InputObject"),
    cmdlet("Out-Host", _out_host, "InputObject -Paging"),
    cmdlet("Out-String", _out_string, "InputObject -Stream Width"),
    cmdlet(
        "Format-Table", _format_table, "InputObject Property -AutoSize -HideTableHeaders -Wrap", positional="Property"
    ),
    cmdlet("Format-List", _format_list, "InputObject Property", positional="Property"),
)
