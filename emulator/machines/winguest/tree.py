"""A PowerShell script as a tree: what `parser` makes and `engine` walks."""

from dataclasses import dataclass, field
from typing import Literal as Choice


@dataclass(frozen=True, slots=True)
class Literal:
    """A text or a number."""

    value: str | int | float


@dataclass(frozen=True, slots=True)
class Expandable:
    """A text in double quotes, with expressions in it."""

    parts: tuple["str | Expression", ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`, `$scope:name`, `$env:name`, or `@name` where it is splatted."""

    name: str
    is_splatted: bool = False


@dataclass(frozen=True, slots=True)
class Array:
    """`a, b`."""

    items: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """`@(…)`, always an array; `$(…)`, or `(…)`, what the statements write."""

    kind: Choice["@", "$", "("]
    statements: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Hash:
    """`@{…}`."""

    entries: tuple[tuple["Expression", "Statement"], ...]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of a script block's."""

    name: str
    type_name: str = ""
    default: "Expression | None" = None


@dataclass(frozen=True, slots=True)
class Block:
    """`{…}`: a script block, or a script; `phases` are its `begin`, `process` and `end`."""

    statements: tuple["Statement", ...]
    parameters: tuple[Parameter, ...] = ()
    text: str = field(default="", compare=False)
    phases: tuple[tuple[str, "Block"], ...] = ()


@dataclass(frozen=True, slots=True)
class TypeName:
    """`[Name]`."""

    name: str


@dataclass(frozen=True, slots=True)
class Cast:
    """`[Name]value`."""

    type_name: str
    value: "Expression"


@dataclass(frozen=True, slots=True)
class Member:
    """`target.name` or `[target]::name`."""

    target: "Expression"
    name: "Expression"
    is_static: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """`target.name(…)` or `[target]::name(…)`."""

    target: "Expression"
    name: str
    arguments: tuple["Expression", ...]
    is_static: bool = False


@dataclass(frozen=True, slots=True)
class Index:
    """`target[index]`."""

    target: "Expression"
    index: "Expression"


@dataclass(frozen=True, slots=True)
class Unary:
    """`-not a`, `-a`, `,a`, `a++`; the last with the operator behind it."""

    operator: str
    operand: "Expression"
    is_postfix: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """`a -eq b`, `a + b`, `a..b`."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True, slots=True)
class Assignment:
    """`a = …`; `operator` is that before the `=`."""

    target: "Expression"
    operator: str
    value: "Statement"


Expression = (
    Literal
    | Expandable
    | Variable
    | Array
    | Collected
    | Hash
    | Block
    | TypeName
    | Cast
    | Member
    | Call
    | Index
    | Unary
    | Binary
    | Assignment
)


@dataclass(frozen=True, slots=True)
class Argument:
    """A command's: `-Name`, `-Name value` where they are glued, or `value`."""

    name: str
    value: Expression | None


@dataclass(frozen=True, slots=True)
class Redirection:
    """`2>&1`, `> file`, `*> $null`; `target` is an expression, or `&1`."""

    stream: str
    target: "Expression | Choice['&1']"
    is_appended: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """A command with its arguments; `operator` is `&`, `.` or nothing, `line` the text of it all."""

    operator: Choice["", "&", "."]
    name: Expression
    arguments: tuple[Argument, ...] = ()
    redirections: tuple[Redirection, ...] = ()
    line: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, the first of which may be an expression."""

    elements: tuple[Command | Expression, ...]


@dataclass(frozen=True, slots=True)
class If:
    """`if … elseif … else`."""

    branches: tuple[tuple["Statement", Block], ...]
    otherwise: Block | None


@dataclass(frozen=True, slots=True)
class ForEach:
    """`foreach ($x in …) {…}`."""

    variable: str
    items: "Statement"
    body: Block


@dataclass(frozen=True, slots=True)
class Loop:
    """`for`, `while`, `do … while` and `do … until`; absent parts are None."""

    body: Block
    start: "Statement | None" = None
    condition: "Statement | None" = None
    step: "Statement | None" = None
    is_tested_last: bool = False
    is_until: bool = False


@dataclass(frozen=True, slots=True)
class Switch:
    """`switch (…) {…}`, by equality; a condition of None is `default`."""

    value: "Statement"
    clauses: tuple[tuple[Expression | None, Block], ...]


@dataclass(frozen=True, slots=True)
class Try:
    """`try … catch … finally`."""

    body: Block
    handlers: tuple[tuple[tuple[str, ...], Block], ...]
    last: Block | None


@dataclass(frozen=True, slots=True)
class Flow:
    """`exit`, `throw`, `return`, `break`, `continue`."""

    kind: str
    value: "Statement | None"


@dataclass(frozen=True, slots=True)
class Function:
    """`function Name {…}`."""

    name: str
    body: Block


Statement = Pipeline | If | ForEach | Loop | Switch | Try | Flow | Function
