"""Commands in a pipeline: what a name means, what its arguments are bound to, and running it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from emulator.machines.winguest import (
    cmdlets_items,
    cmdlets_network,
    cmdlets_objects,
    cmdlets_output,
    cmdlets_registry,
    cmdlets_system,
    cmdlets_variables,
    members,
    programs,
    redirections,
    scripts,
)
from emulator.machines.winguest.check_values import MODULES
from emulator.machines.winguest.cmdlet import Cmdlet, Invocation
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.tree import Argument, Block, Command, Literal, Variable
from emulator.machines.winguest.values import Hashtable, Script, Type, Value, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Emit, Engine

Bound = Sequence[tuple[str, Value]]
"""Arguments, evaluated: a name or nothing, and a value; a switch's is True."""

CMDLETS: Mapping[str, Cmdlet] = {
    each.name.casefold(): each
    for module in (
        cmdlets_items,
        cmdlets_network,
        cmdlets_objects,
        cmdlets_output,
        cmdlets_registry,
        cmdlets_system,
        cmdlets_variables,
    )
    for each in module.CMDLETS
}
ALIASES: Mapping[str, str] = {
    "%": "foreach-object",
    "foreach": "foreach-object",
    "?": "where-object",
    "where": "where-object",
    "select": "select-object",
    "sort": "sort-object",
    "measure": "measure-object",
    "echo": "write-output",
    "write": "write-output",
    "cat": "get-content",
    "gc": "get-content",
    "type": "get-content",
    "cd": "set-location",
    "chdir": "set-location",
    "sl": "set-location",
    "pwd": "get-location",
    "gl": "get-location",
    "dir": "get-childitem",
    "ls": "get-childitem",
    "gci": "get-childitem",
    "gi": "get-item",
    "ni": "new-item",
    "md": "new-item",
    "copy": "copy-item",
    "cp": "copy-item",
    "cpi": "copy-item",
    "move": "move-item",
    "mv": "move-item",
    "del": "remove-item",
    "erase": "remove-item",
    "rd": "remove-item",
    "ri": "remove-item",
    "rm": "remove-item",
    "rmdir": "remove-item",
    "ren": "rename-item",
    "rni": "rename-item",
    "sleep": "start-sleep",
    "set": "set-variable",
    "sv": "set-variable",
    "gv": "get-variable",
    "iex": "invoke-expression",
    "icm": "invoke-command",
    "gsv": "get-service",
    "sasv": "start-service",
    "spsv": "stop-service",
    "gps": "get-process",
    "ps": "get-process",
    "kill": "stop-process",
    "gp": "get-itemproperty",
    "sp": "set-itemproperty",
    "ipmo": "import-module",
    "oh": "out-host",
    "ft": "format-table",
    "fl": "format-list",
    "gm": "get-member",
    "gcm": "get-command",
    "gcim": "get-ciminstance",
    "gwmi": "get-wmiobject",
    "add-windowsfeature": "install-windowsfeature",
    "saps": "start-process",
    "tnc": "test-netconnection",
    "start": "start-process",
}


_MODULES = {"", *(module.casefold() for module in MODULES)}


def find(name: str) -> Cmdlet | None:
    """The cmdlet of that name or alias."""
    module, _, rest = name.casefold().rpartition("\\")
    folded = rest if module in _MODULES else name.casefold()
    return CMDLETS.get(ALIASES.get(folded, folded))


def unknown(name: str) -> PowerShellError:
    """What PowerShell says to a command that it does not know."""
    return PowerShellError(
        f"The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
        "CommandNotFoundException",
        "ObjectNotFound",
        name,
        "System.Management.Automation.CommandNotFoundException",
    )


async def run(engine: "Engine", command: Command, given: list[Value] | None, emit: "Emit") -> None:
    """Run a command of a script."""
    name: Value = command.name.value if isinstance(command.name, Literal) else None
    if name is None:
        name = await engine.evaluator.evaluate(command.name)
    program = _program(engine, name)
    bound = [] if program else await _evaluated(engine, command.arguments)
    async with redirections.within(engine, command.redirections, emit) as written:
        if program:
            engine.last_succeeded = True
            await programs.run(engine, command, program, written, given)
        else:
            await invoke(engine, name, bound, given, written, operator=command.operator)


def _program(engine: "Engine", name: Value) -> str:
    """The name of a program or the path of a batch file, where a command's name means one; nothing else."""
    if not isinstance(name, str) or engine.scope.function(name) is not None or find(name) is not None:
        return ""
    path = scripts.path_of(engine, name)
    if path is not None:
        return "" if path.casefold().endswith(".ps1") else path
    return name if programs.is_program(name) else ""


async def invoke(
    engine: "Engine",
    name: Value,
    bound: Bound,
    given: list[Value] | None,
    emit: "Emit",
    *,
    operator: str = "",
) -> None:
    """Run whatever `name` means with evaluated arguments."""
    engine.last_succeeded = True
    if isinstance(name, Script):
        await call_block(engine, name.block, bound, given, emit, is_new=operator != ".")
        return
    text = to_text(name)
    function, found = engine.scope.function(text), find(text)
    if function is not None:
        await call_block(engine, function.body, bound, given, emit)
    elif found is not None:
        await _call_cmdlet(engine, found, bound, given, emit)
    elif (path := scripts.path_of(engine, text)) is not None and path.casefold().endswith(".ps1"):
        await scripts.run(engine, path, bound, given, emit, is_new=operator != ".")
    elif _program(engine, text):
        await programs.run_line(engine, programs.line_of(_program(engine, text), bound), (), emit, given)
    elif text.casefold() in engine.session.vetted.functions or scripts.is_script(text):
        raise unknown(text)  # a function before its time, or a script in another folder, as Windows says it
    else:
        raise _not_checked(text)


def _not_checked(name: str) -> Exception:
    """`& $null` is an error of the script's; anything else was not checked before this run."""
    if name:
        return NotUnderstoodError(name)
    return PowerShellError(
        "The expression after '&' in a pipeline element produced an object that was not valid. It must result in a "
        "command name, a script block, or a CommandInfo object.",
        "BadExpression",
        "InvalidOperation",
    )


async def _call_cmdlet(
    engine: "Engine", found: Cmdlet, bound: Bound, given: list[Value] | None, emit: "Emit"
) -> None:
    arguments = bind(found, bound)
    call = Invocation(engine, found.name, arguments, given, emit)
    try:
        await found.run(call)
    except PowerShellError as error:
        if error.is_thrown or error.activity != found.name:
            raise
        engine.report(error, call.text("erroraction").casefold())


def bind(found: Cmdlet, bound: Bound) -> dict[str, Value]:
    """What each parameter gets.

    Raises:
        PowerShellError: an argument has no parameter.
    """
    arguments: dict[str, Value] = {}
    loose: list[Value] = []
    pending = ""
    for name, value in bound:
        if name:
            known = found.parameter(name)
            if known is None:
                raise _no_parameter(found, name)
            if found.is_switch(known) or value is not ABSENT:
                arguments[known] = True if value is ABSENT else value
                pending = ""
            else:
                pending = known
        elif pending:
            arguments[pending], pending = value, ""
        else:
            loose.append(value)
    if pending:
        raise PowerShellError(
            f"Missing an argument for parameter '{pending}'. Specify a parameter and try again.",
            f"MissingArgument,{found.name}",
            "InvalidArgument",
        )
    _bind_loose(found, arguments, loose)
    return arguments


def _bind_loose(found: Cmdlet, arguments: dict[str, Value], loose: list[Value]) -> None:
    free = [name for name in found.positional if name not in arguments]
    while loose and free:
        name = free.pop(0)
        if found.takes_rest and not free:
            arguments[name] = loose[0] if len(loose) == 1 else list(loose)
            loose.clear()
        else:
            arguments[name] = loose.pop(0)
    if loose:
        raise PowerShellError(
            f"A positional parameter cannot be found that accepts argument '{to_text(loose[0])}'.",
            f"PositionalParameterNotFound,{found.name}",
            "InvalidArgument",
            exception="System.Management.Automation.ParameterBindingException",
        )


def _no_parameter(found: Cmdlet, name: str) -> PowerShellError:
    return PowerShellError(
        f"A parameter cannot be found that matches parameter name '{name}'.",
        f"NamedParameterNotFound,{found.name}",
        "InvalidArgument",
        name,
        "System.Management.Automation.ParameterBindingException",
    )


ABSENT: Value = object()
"""What an argument without a value is bound to."""


async def _evaluated(engine: "Engine", arguments: Iterable[Argument]) -> list[tuple[str, Value]]:
    bound: list[tuple[str, Value]] = []
    for argument in arguments:
        if isinstance(argument.value, Variable) and argument.value.is_splatted:
            bound += _splatted(engine.evaluator.variable(argument.value.name))
        elif argument.value is None:
            bound.append((argument.name, ABSENT))
        else:
            bound.append((argument.name, await engine.evaluator.evaluate(argument.value)))
    return bound


def _splatted(value: Value) -> list[tuple[str, Value]]:
    if isinstance(value, Hashtable):
        return [(to_text(key), each) for key, each in value.items()]
    return [("", item) for item in items(value)]


async def call_block(
    engine: "Engine",
    block: Block,
    bound: Bound,
    given: list[Value] | None,
    emit: "Emit",
    *,
    is_new: bool = True,
) -> None:
    """Run a function's or a script's block with its parameters."""
    variables, loose = _parameters_of(block, bound)
    for parameter in block.parameters:
        folded = parameter.name.casefold()
        if folded not in variables:
            default = None if parameter.default is None else await engine.evaluator.evaluate(parameter.default)
            variables[folded] = False if Type.of(parameter.type_name).name == "switch" else default
        elif parameter.type_name:
            variables[folded] = members.converted(variables[folded], Type.of(parameter.type_name))
    variables["args"] = loose
    if block.phases:
        await _call_phases(engine, block, variables, given, emit)
        return
    variables["input"] = list(given or [])
    await engine.call(block, emit, variables, is_new=is_new)


async def _call_phases(
    engine: "Engine", block: Block, variables: dict[str, Value], given: list[Value] | None, emit: "Emit"
) -> None:
    """`begin` once, `process` for each item, `end` once, all in one scope."""
    phases = dict(block.phases)
    with engine.within(variables):
        if "begin" in phases:
            await engine.call(phases["begin"], emit, is_new=False)
        for item in [None] if given is None else given:
            if "process" in phases:
                await engine.call(phases["process"], emit, {"_": item, "input": [item]}, is_new=False)
        if "end" in phases:
            await engine.call(phases["end"], emit, {"input": list(given or [])}, is_new=False)


def _parameters_of(block: Block, bound: Bound) -> tuple[dict[str, Value], list[Value]]:
    """What a block's parameters get, and what is left."""
    switches = {each.name.casefold() for each in block.parameters if Type.of(each.type_name).name == "switch"}
    names = [each.name.casefold() for each in block.parameters]
    variables: dict[str, Value] = {}
    loose: list[Value] = []
    pending = ""
    for name, value in bound:
        folded = next((each for each in names if name and each.startswith(name.casefold())), "")
        if folded and (value is not ABSENT or folded in switches):
            variables[folded] = True if value is ABSENT else value
        elif folded:
            pending = folded
        elif pending:
            variables[pending], pending = value, ""
        else:
            loose.append(f"-{name}" if value is ABSENT else value)
    for folded in names:
        if folded not in variables and folded not in switches and loose:
            variables[folded] = loose.pop(0)
    return variables, loose
