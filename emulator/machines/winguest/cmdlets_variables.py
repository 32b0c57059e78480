"""Cmdlets of the language itself: variables, modules, time, and scripts in strings."""

import asyncio

from emulator.machines.winguest.check_values import MODULES
from emulator.machines.winguest.cmdlet import Invocation, cmdlet
from emulator.machines.winguest.host_calls import GENERIC_AND_DOMAIN, VALIDATES_NAMES
from emulator.machines.winguest.host_types import field
from emulator.machines.winguest.values import Hashtable, Script, Thing, items, to_number, to_text


async def _set_variable(call: Invocation) -> None:
    scope = f"{call.text('scope')}:" if call.has("scope") else ""
    for name in call.texts("name"):
        written = name.removeprefix("variable:")
        call.engine.evaluator.assign(f"{scope}{written}", call.get("value"))


async def _get_variable(call: Invocation) -> None:
    for name in call.texts("name"):
        holder = call.engine.scope.holder(name.casefold())
        if holder is None:
            call.error(f"Cannot find a variable with the name '{name}'.", "VariableNotFound", target=name)
            continue
        value = holder.variables[name.casefold()]
        if call.has("valueonly"):
            call.emit(value)
        else:
            call.emit(Thing(("System.Management.Automation.PSVariable",), {"Name": name, "Value": value}, ""))


async def _remove_variable(call: Invocation) -> None:
    for name in call.texts("name"):
        holder = call.engine.scope.holder(name.casefold())
        if holder is None:
            call.error(f"Cannot find a variable with the name '{name}'.", "VariableNotFound", target=name)
        else:
            del holder.variables[name.casefold()]


async def _sleep(call: Invocation) -> None:
    milliseconds = call.get("milliseconds")
    seconds = to_number(call.get("seconds", 0)) if milliseconds is None else to_number(milliseconds) / 1000
    if seconds < 0:
        raise call.failure("The argument is less than the minimum allowed range of 0.", "Validation", "InvalidData")
    await asyncio.sleep(min(seconds, 2_147_483))


async def _invoke_expression(call: Invocation) -> None:
    for text in call.inputs("command"):
        await call.engine.run(call.engine.session.vetted.text(to_text(text)), call.emit)


async def _invoke_command(call: Invocation) -> None:
    from emulator.machines.winguest import commands

    block = call.get("scriptblock")
    if not isinstance(block, Script):
        raise call.failure("Only a script block on this machine is played.", "NotSupported", "NotImplemented")
    arguments = [("", item) for item in items(call.get("argumentlist"))]
    await commands.call_block(call.engine, block.block, arguments, call.given, call.emit)


async def _nothing(_: Invocation) -> None:
    await asyncio.sleep(0)


async def _import_module(call: Invocation) -> None:
    for name in call.texts("name"):
        if name.casefold() not in {module.casefold() for module in MODULES}:
            call.error(
                f"The specified module '{name}' was not loaded because no valid module file was found in any module "
                "directory.",
                "Modules_ModuleNotFound",
                "ResourceUnavailable",
                name,
            )


async def _execution_policy(call: Invocation) -> None:
    call.emit("RemoteSigned")


async def _get_command(call: Invocation) -> None:
    from emulator.machines.winguest import commands, programs

    for name in call.texts("name"):
        found = commands.find(name)
        if found is not None:
            properties = {"CommandType": "Cmdlet", "Name": found.name}
            call.emit(Thing(("System.Management.Automation.CmdletInfo",), properties, found.name))
        elif call.engine.scope.function(name) is not None or programs.is_program(name):
            call.emit(Thing(("System.Management.Automation.CommandInfo",), {"CommandType": "", "Name": name}, name))
        else:
            unknown = commands.unknown(name)
            unknown.activity = "Get-Command"
            raise unknown


async def _get_host(call: Invocation) -> None:
    call.emit(call.engine.evaluator.variable("host"))


async def _get_module(call: Invocation) -> None:
    wanted = {name.casefold() for name in call.texts("name")}
    for module in MODULES:
        if not wanted or module.casefold() in wanted:
            call.emit(Thing(("System.Management.Automation.PSModuleInfo",), {"Name": module}, module))


async def _get_history(call: Invocation) -> None:
    for number, line in enumerate(call.engine.session.history, 1):
        properties = {"Id": number, "CommandLine": line, "ExecutionStatus": "Completed"}
        call.emit(Thing(("Microsoft.PowerShell.Commands.HistoryInfo",), properties, line))


async def _read_host(call: Invocation) -> None:
    """With a prompt it is a form of one field, as ReadHostCommand makes it."""
    is_secret, prompt = call.has("assecurestring"), call.text("prompt")
    if not prompt:
        answer = await call.engine.streams.ask("ReadLineAsSecureString" if is_secret else "ReadLine", [])
    else:
        asked = field(prompt, "System.Security.SecureString" if is_secret else "System.String")
        told = await call.engine.streams.ask("Prompt", ["", "", [asked]])
        answer = told[prompt] if isinstance(told, Hashtable) else told
    call.emit(answer)


async def _get_credential(call: Invocation) -> None:
    caption = "Windows PowerShell credential request"
    message = call.text("message", "Enter your credentials.")
    user = call.text("credential") or call.text("username")
    kinds = [GENERIC_AND_DOMAIN, VALIDATES_NAMES]
    call.emit(await call.engine.streams.ask("PromptForCredential2", [caption, message, user, "", *kinds]))


CMDLETS = (
    cmdlet("Set-Variable", _set_variable, "Name Value Scope -Force Option", positional="Name Value"),
    cmdlet("New-Variable", _set_variable, "Name Value Scope -Force Option", positional="Name Value"),
    cmdlet("Get-Variable", _get_variable, "Name -ValueOnly", positional="Name"),
    cmdlet("Remove-Variable", _remove_variable, "Name -Force", positional="Name"),
    cmdlet("Clear-Variable", _remove_variable, "Name -Force", positional="Name"),
    cmdlet("Start-Sleep", _sleep, "Seconds Milliseconds", positional="Seconds"),
    cmdlet("Invoke-Expression", _invoke_expression, "Command", positional="Command"),
    cmdlet(
        "Invoke-Command",
        _invoke_command,
        "ScriptBlock ArgumentList",
        positional="ScriptBlock",
    ),
    cmdlet("Set-StrictMode", _nothing, "Version -Off"),
    cmdlet("Set-ExecutionPolicy", _nothing, "ExecutionPolicy Scope -Force", positional="ExecutionPolicy Scope"),
    cmdlet("Get-ExecutionPolicy", _execution_policy, "Scope -List", positional="Scope"),
    cmdlet("Import-Module", _import_module, "Name -Force -DisableNameChecking", positional="Name"),
    cmdlet("Get-Module", _get_module, "Name -ListAvailable", positional="Name"),
    cmdlet("Get-Command", _get_command, "Name CommandType", positional="Name"),
    cmdlet("Get-History", _get_history),
    cmdlet("Get-Host", _get_host),
    cmdlet("Read-Host", _read_host, "Prompt -AsSecureString", positional="Prompt"),
    cmdlet("Get-Credential", _get_credential, "Credential Message UserName", positional="Credential"),
    cmdlet("Clear-Host", _nothing),
)
