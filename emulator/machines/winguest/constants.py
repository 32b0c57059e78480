"""Parts of a script that have a value before it runs, where the parts of theirs have one."""

import dataclasses
import ntpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.operators import BINARY
from emulator.machines.winguest.tree import (
    Array,
    Binary,
    Block,
    Cast,
    Collected,
    Command,
    Expandable,
    Expression,
    Literal,
    Pipeline,
    Statement,
    Variable,
)
from emulator.machines.winguest.values import Script, Type, Value, items, to_text

if TYPE_CHECKING:
    from emulator.machines.winguest.knowledge import Knowledge

Values = Sequence[Value] | None
"""What an expression may be; None where that is not known."""
PURE = ("+", "-f", "-join")


def nodes(root: Any) -> Iterator[Any]:
    """Every part of a tree."""
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack += node
            continue
        parts = _PARTS.get(type(node))
        if parts is None:
            parts = _PARTS[type(node)] = _parts(type(node))
        if parts:
            yield node
            stack += [getattr(node, part) for part in parts if part]


_PARTS: dict[type, tuple[str, ...]] = {}
"""The names of a node's parts, by its type: a long script asks for them very often."""


def _parts(kind: type) -> tuple[str, ...]:
    """Those names, after an empty one; nothing for what is no node."""
    if not dataclasses.is_dataclass(kind):
        return ()
    return ("", *(field.name for field in dataclasses.fields(kind) if field.compare))


def key_of(name: str) -> str:
    """A variable's name, whatever scope it is written with; `env:NAME` for the environment's."""
    place, _, rest = name.casefold().rpartition(":")
    return f"env:{rest}" if place == "env" else rest


def named(command: Command) -> str:
    """A command's name in lower case, aliases resolved, or nothing where it is computed."""
    from emulator.machines.winguest import commands

    if not isinstance(command.name, Literal):
        return ""
    found = commands.find(str(command.name.value))
    return found.name.casefold() if found is not None else ""


def only_expression(statement: Statement | None) -> Expression | None:
    """The expression that a statement consists of, or None."""
    if isinstance(statement, Pipeline) and len(statement.elements) == 1:
        element = statement.elements[0]
        if not isinstance(element, Command):
            return element
        if named(element) == "join-path":
            return Collected("(", (statement,))
    return None


def unique(values: Sequence[Value]) -> list[Value]:
    """Without what stands there twice; of equal values the kind counts too."""
    found: list[Value] = []
    for value in values:
        if not any(type(value) is type(known) and value == known for known in found):
            found.append(value)
    return found


def _expandable(knowledge: "Knowledge", node: Expandable, depth: int) -> Values:
    found = knowledge.product(node.parts, depth)
    return None if found is None else unique(["".join(to_text(part) for part in parts) for parts in found])


def _array(knowledge: "Knowledge", node: Array, depth: int) -> Values:
    found = knowledge.product(node.items, depth)
    return None if found is None else [list(parts) for parts in found]


def _collected(knowledge: "Knowledge", node: Collected, depth: int) -> Values:
    if len(node.statements) != 1:
        return None
    joined = _joined_path(knowledge, node.statements[0], depth)
    if joined is not None:
        return joined
    inner = only_expression(node.statements[0])
    found = None if inner is None or isinstance(inner, Collected) else knowledge.values(inner, depth)
    if found is None and isinstance(inner, Collected) and inner.statements != node.statements:
        found = knowledge.values(inner, depth)
    return found if found is None or node.kind != "@" else [items(value) for value in found]


def _joined_path(knowledge: "Knowledge", statement: Statement, depth: int) -> Values:
    """`Join-Path a b`."""
    command = statement.elements[0] if isinstance(statement, Pipeline) and len(statement.elements) == 1 else None
    if not isinstance(command, Command) or named(command) != "join-path":
        return None
    given = [each.value for each in command.arguments if each.value is not None]
    if len(given) != 2 or any(each.name.casefold() not in ("", "path", "childpath") for each in command.arguments):
        return None
    found = knowledge.product(given, depth)
    return None if found is None else [_join(to_text(one), to_text(other)) for one, other in found]


def _join(path: str, child: str) -> str:
    return ntpath.join(path.rstrip("\\/") + "\\", child.lstrip("\\/")).replace("/", "\\")


def _cast(knowledge: "Knowledge", node: Cast, depth: int) -> Values:
    if Type.of(node.type_name).name != "string":
        return None
    found = knowledge.values(node.value, depth)
    return None if found is None else [to_text(value) for value in found]


def _binary(knowledge: "Knowledge", node: Binary, depth: int) -> Values:
    if node.operator not in PURE:
        return None
    found = knowledge.product((node.left, node.right), depth)
    try:
        return None if found is None else unique([BINARY[node.operator](left, right) for left, right in found])
    except PowerShellError:
        return None


KINDS: Mapping[type, Callable[["Knowledge", Any, int], Values]] = {
    Literal: lambda _, node, __: (node.value,),
    Expandable: _expandable,
    Variable: lambda knowledge, node, depth: knowledge.of_variable(node.name, depth),
    Array: _array,
    Collected: _collected,
    Block: lambda _, node, __: (Script(node),),
    Cast: _cast,
    Binary: _binary,
}
