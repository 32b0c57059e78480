"""Whether a command of a script is played: what its name means, its parameters, the values that must be certain."""

import ntpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.machines.winguest import check_values, commands, programs, scripts
from emulator.machines.winguest.cmdlet import Cmdlet
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.tree import Argument, Block, Call, Command, Expression, Literal, Variable
from emulator.machines.winguest.values import Script, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.check import Checker

SWITCH = Literal("")
"""Stands for the value of a parameter that is only named."""
_CHANGES_FOLDER = ("set-location", "push-location", "pop-location")


def check(checker: "Checker", command: Command, before: Any) -> None:
    """Refuse a command that is not played; `before` is what stands before it in its pipeline.

    Raises:
        NotUnderstoodError: naming the part.
    """
    if isinstance(command.name, Block):
        return  # its statements are checked as part of the script
    for name in checker.certain(command.name, command.line):
        if isinstance(name, Script):
            checker.value(name)
        elif name is not None:
            _check_named(checker, command, to_text(name), before)


def _check_named(checker: "Checker", command: Command, name: str, before: Any) -> None:
    found = commands.find(name)
    if found is not None and found.name.casefold() in SEEN and not isinstance(command.name, Literal):
        raise NotUnderstoodError(command.line)  # what it changes is followed by its name, which must be seen
    is_program = found is None and (scripts.is_script(name) or programs.is_program(name))
    if checker.function(name) and found is None and not is_program:
        return  # where a function has a cmdlet's or a program's name, either may be what runs
    if found is not None:
        check_cmdlet(checker, found, command, before)
    elif scripts.is_script(name):
        _check_script(checker, command, name)
    elif programs.is_program(name):
        programs.check(checker, command, name)
    else:
        raise NotUnderstoodError(name)


def _check_script(checker: "Checker", command: Command, name: str) -> None:
    """A script on the drive, from whatever folder the script may be in by then."""
    paths = {scripts.path_in(checker.engine, name, folder) for folder in folders(checker)} - {None}
    if not paths:
        raise NotUnderstoodError(name)
    for path in paths:
        if path is not None and path.casefold().endswith(".ps1"):
            must_not_be_written(checker, path)
            checker.script_file(path)
        elif path is not None:
            must_not_be_written(checker, path)
            programs.check(checker, command, path)


def must_not_be_written(checker: "Checker", path: str) -> None:
    """A script that writes a script and then runs it is not certain, even where one is there already.

    Raises:
        NotUnderstoodError: it does.
    """
    name = re.escape(ntpath.basename(path))
    writing = re.compile(rf"(?:>|\b(?:copy|move|ren|rename|xcopy|robocopy)\b)[^&|]*{name}", re.IGNORECASE)
    if any(writing.search(line) for line in _lines_of_programs(checker)):
        raise NotUnderstoodError(path)
    written = [value for each in _written(checker) for value in checker.knowledge.values(each) or ()]
    drive, folder = checker.engine.session.computer.drive, checker.engine.session.directory
    if any(drive.resolve(to_text(each), folder).casefold() == path.casefold() for each in written):
        raise NotUnderstoodError(path)


def _written(checker: "Checker") -> Sequence[Expression]:
    """What the cmdlets that write are given, whichever of it is the path."""
    from emulator.machines.winguest.constants import named, nodes

    found: list[Expression] = []
    for block in checker.blocks:
        for node in nodes(block):
            if isinstance(node, Command) and named(node) in WRITERS:
                found += [each.value for each in node.arguments if each.value is not None]
            if isinstance(node, Call) and node.is_static and node.name.casefold().startswith(("write", "append")):
                found += node.arguments[:1]
            if isinstance(node, Command):
                found += [each.target for each in node.redirections if each.target != "&1"]
    return found


def _lines_of_programs(checker: "Checker") -> Iterator[str]:
    """What the script starts programs with, as it is written."""
    from emulator.machines.winguest.constants import nodes

    for block in checker.blocks:
        for node in nodes(block):
            if isinstance(node, Command) and isinstance(node.name, Literal):
                yield node.line if programs.is_program(str(node.name.value)) else ""


SEEN = (
    "set-location", "push-location", "pop-location", "set-variable", "new-variable", "clear-variable",
    "remove-variable", "set-content", "add-content", "out-file", "copy-item", "move-item", "rename-item", "new-item",
    "remove-item", "invoke-expression", "invoke-command", "start-process",
)  # fmt: skip
"""Cmdlets that change what names mean: where one is called, its own name must stand."""
WRITERS = ("set-content", "add-content", "out-file", "copy-item", "move-item", "rename-item", "new-item")


def folders(checker: "Checker") -> Sequence[str]:
    """The folders in which the script may be at any time: where it starts, and each that it goes to.

    Raises:
        NotUnderstoodError: one of them is not certain, and so are names that depend on it.
    """
    from emulator.machines.winguest.constants import named, nodes

    drive, start = checker.engine.session.computer.drive, checker.engine.session.directory
    found = [start]
    for block in checker.blocks:
        for node in nodes(block):
            if isinstance(node, Command) and named(node) in _CHANGES_FOLDER:
                found += [drive.resolve(path, start) for path in _goals(checker, node)]
    return found


def _goals(checker: "Checker", node: Command) -> Sequence[str]:
    """The folders that a command goes to.

    Raises:
        NotUnderstoodError: they are not certain, or hang on the folder before.
    """
    given = [each.value for each in node.arguments if each.value is not None]
    found = [to_text(value) for each in given for value in checker.certain(each, node.line)]
    if not found or not all(ntpath.isabs(path) and ":" in path for path in found):
        raise NotUnderstoodError(node.line)
    return found


def check_cmdlet(checker: "Checker", found: Cmdlet, command: Command, before: Any) -> None:
    """A cmdlet's parameters, those in tables that are splatted included.

    Raises:
        NotUnderstoodError: one of them, or a value that must be certain, is not played.
    """
    arguments, loose = bound(checker, found, command.arguments)
    if loose:
        raise NotUnderstoodError(f"{found.name} {command.line}")
    for parameter, given in arguments.items():
        for each in given:
            check_values.check(checker, found, parameter, each)
    special = _SPECIAL.get(found.name)
    if special is not None:
        special(checker, command, arguments, before)


Bound = Mapping[str, Sequence[Expression | None]]


def bound(checker: "Checker", found: Cmdlet, arguments: Sequence[Argument]) -> tuple[Bound, Sequence[Expression]]:
    """What each parameter may be given, None where that is not known; and what no parameter takes.

    Raises:
        NotUnderstoodError: a parameter is not played.
    """
    given: dict[str, list[Expression | None]] = {}
    loose: list[Expression] = []
    pending = ""
    for argument in arguments:
        if isinstance(argument.value, Variable) and argument.value.is_splatted:
            _splat(checker, found, argument.value, given)
        elif argument.name:
            name = parameter(found, argument.name.rstrip(":"))
            pending = "" if found.is_switch(name) or argument.value is not None else name
            given.setdefault(name, []).extend([] if pending else [argument.value or SWITCH])
        elif pending:
            given.setdefault(pending, []).append(argument.value)
            pending = ""
        elif argument.value is not None:
            loose.append(argument.value)
    return given, _rest(found, given, loose)


def _rest(found: Cmdlet, given: dict[str, list[Expression | None]], loose: list[Expression]) -> Sequence[Expression]:
    free = [name for name in found.positional if name not in given]
    for name in free:
        taken = loose if found.takes_rest and name == free[-1] else loose[:1]
        if taken:
            given[name] = list(taken)
            loose = loose[len(taken) :]
    return loose


def parameter(found: Cmdlet, written: str) -> str:
    """A cmdlet's parameter.

    Raises:
        NotUnderstoodError: it has none of that name that is played.
    """
    known = found.parameter(written)
    if known is None:
        raise NotUnderstoodError(f"{found.name} -{written}")
    return known


def _splat(checker: "Checker", found: Cmdlet, variable: Variable, given: dict[str, list[Expression | None]]) -> None:
    keys = checker.knowledge.keys(variable.name)
    if keys is None:
        raise NotUnderstoodError(f"@{variable.name}")
    for key in keys:
        given.setdefault(parameter(found, key), []).extend(checker.knowledge.entries(variable.name, key))


def _invoke_expression(checker: "Checker", command: Command, arguments: Bound, before: Any) -> None:
    given = arguments.get("command")
    wanted = given[0] if given else before if before is not None and not isinstance(before, Command) else None
    if wanted is None:
        raise NotUnderstoodError(command.line)
    for value in checker.certain(wanted, command.line):
        for text in items(value):
            checker.block_of_text(to_text(text))


def _invoke_command(checker: "Checker", command: Command, arguments: Bound, before: Any) -> None:
    del before
    for each in arguments.get("scriptblock", ()):
        for value in checker.certain(each, command.line) if each is not None else (None,):
            if not isinstance(value, Script):
                raise NotUnderstoodError(command.line)
            checker.value(value)


def _start_process(checker: "Checker", command: Command, arguments: Bound, before: Any) -> None:
    del before
    (program,) = arguments.get("filepath", (None,))
    if program is None:
        raise NotUnderstoodError(command.line)
    given = [each for each in arguments.get("argumentlist", ()) if each is not None]
    for name in checker.certain(program, command.line):
        _check_program(checker, Command("&", program, tuple(Argument("", each) for each in given)), to_text(name))


def _check_program(checker: "Checker", command: Command, name: str) -> None:
    if not programs.is_program(name):
        raise NotUnderstoodError(name)
    programs.check_certain(checker, command, name)


def _test_net_connection(checker: "Checker", command: Command, arguments: Bound, before: Any) -> None:
    del checker, before
    if "port" not in arguments or "computername" not in arguments:
        raise NotUnderstoodError(f"{command.line}: without a computer and a port it pings")


_SPECIAL: Mapping[str, Callable[["Checker", Command, Bound, Any], None]] = {
    "Invoke-Expression": _invoke_expression,
    "Invoke-Command": _invoke_command,
    "Start-Process": _start_process,
    "Test-NetConnection": _test_net_connection,
}
