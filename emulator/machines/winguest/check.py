"""Whether all of a script is played: its commands, parameters, methods, types and operators.

The check is made before any of it runs. What it cannot see (a command whose name is computed) is not played.
"""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emulator.machines.winguest import commands, members, scripts
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.operators import BINARY, UNARY
from emulator.machines.winguest.tree import (
    Binary,
    Block,
    Call,
    Cast,
    Command,
    Expandable,
    Expression,
    Function,
    Literal,
    Parameter,
    TypeName,
    Unary,
    Variable,
)

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine


def check(block: Block, engine: "Engine") -> None:  # noqa: C901
    """Refuse a script with anything in it that is not played.

    Raises:
        NotUnderstoodError: naming the part.
    """
    functions = {node.name.casefold() for node in _nodes(block) if isinstance(node, Function)}
    for node in _nodes(block):
        match node:
            case Command():
                _check_command(node, engine, functions)
            case Call():
                if node.name.casefold() not in members.known_methods() and not node.is_static:
                    raise NotUnderstoodError(node.name)
                _check_static(node)
            case TypeName() | Cast():
                _check_type(node.name if isinstance(node, TypeName) else node.type_name)
            case Parameter() if node.type_name:
                _check_type(node.type_name)
            case Binary() if node.operator not in BINARY and node.operator not in ("-and", "-or"):
                raise NotUnderstoodError(node.operator)
            case Unary() if node.operator not in UNARY and node.operator not in ("++", "--"):
                raise NotUnderstoodError(node.operator)


def _nodes(root: Any) -> Iterator[Any]:
    stack = [root]
    while stack:
        node = stack.pop()
        if dataclasses.is_dataclass(node) and not isinstance(node, type):
            yield node
            stack += [getattr(node, field.name) for field in dataclasses.fields(node)]
        elif isinstance(node, tuple):
            stack += node


def _check_type(name: str) -> None:
    if not members.is_known_type(name):
        raise NotUnderstoodError(f"[{name}]")


def _check_static(node: Call) -> None:
    if node.is_static and isinstance(node.target, TypeName) and not members.has_static(node.target.name, node.name):
        raise NotUnderstoodError(f"[{node.target.name}]::{node.name}")


def _check_command(command: Command, engine: "Engine", functions: set[str]) -> None:
    if isinstance(command.name, (Block, Variable)):
        return  # a script block is checked as part of this one, and a variable when it is known
    name = _constant(command.name, engine)
    if name is None:
        raise NotUnderstoodError(command.line)
    if name.casefold() in functions or engine.scope.function(name) is not None:
        return
    found = commands.find(name)
    if found is not None:
        for argument in command.arguments:
            if argument.name and found.parameter(argument.name.rstrip(":")) is None:
                raise NotUnderstoodError(f"{found.name} -{argument.name}")
    elif not scripts.is_program(name) and scripts.path_of(engine, name) is None:
        raise NotUnderstoodError(name)


def _constant(expression: Expression, engine: "Engine") -> str | None:
    """A command's name where it is known before the script runs: a text, with environment variables at most."""
    match expression:
        case Literal():
            return str(expression.value)
        case Expandable():
            parts = [part if isinstance(part, str) else _constant(part, engine) for part in expression.parts]
            return None if None in parts else "".join(part for part in parts if part is not None)
        case Variable() if expression.name.casefold().startswith("env:"):
            return engine.session.variable(expression.name[4:]) or ""
        case _:
            return None
