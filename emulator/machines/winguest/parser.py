"""Parse a PowerShell script; whatever it is, only `NotUnderstoodError` is raised.

A node of a kind that is not listed here is not understood, and neither is a script in which the grammar itself has
found an error.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal as Choice

from emulator.machines.winguest import grammar, parser_expressions
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.grammar import Node, named, only, text_of
from emulator.machines.winguest.parser_redirections import glued, is_redirection, redirection
from emulator.machines.winguest.tree import (
    Argument,
    Assignment,
    Binary,
    Block,
    Command,
    Expandable,
    Expression,
    Flow,
    ForEach,
    Function,
    If,
    Literal,
    Loop,
    Parameter,
    Pipeline,
    Redirection,
    Statement,
    Switch,
    Try,
)

_RANGE = re.compile(r"([+-]?\d+)\.\.(-?\d+)")
_SIZE = re.compile(r"(\d+)(kb|mb|gb|tb)", re.IGNORECASE)
UNITS = {"kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40}


def parse(script: str) -> Block:
    """The script as a tree.

    Raises:
        NotUnderstoodError: it is no PowerShell, or has something in it that is not played.
    """
    try:
        return block(grammar.read(script), script)
    except (ValueError, RecursionError) as error:
        raise NotUnderstoodError(str(error)[:80]) from None


def block(node: Node, text: str) -> Block:
    """A script, or what is between braces."""
    parameters: tuple[Parameter, ...] = ()
    found: tuple[Statement, ...] = ()
    phases: tuple[tuple[str, Block], ...] = ()
    for child in named(node):
        match child.type:
            case "param_block":
                parameters += _parameters(child)
            case "statement_list":
                found += statements(child)
            case "script_block" | "script_block_body":
                inner = block(child, text)
                parameters, found = parameters + inner.parameters, found + inner.statements
                phases += inner.phases
            case "named_block_list":
                phases += tuple(_phase(each) for each in named(child))
            case _:
                raise grammar.unknown(child)
    phases = phases or _phases(found)
    return Block(() if phases else found, parameters, text, phases)


def _phase(node: Node) -> tuple[str, Block]:
    """`begin {…}`, where the grammar knows it."""
    name, body = named(node)
    if text_of(name).casefold() not in ("begin", "process", "end"):
        raise grammar.unknown(node)
    return text_of(name).casefold(), braces(body)


def _phases(found: tuple[Statement, ...]) -> tuple[tuple[str, Block], ...]:
    """`begin {…} process {…} end {…}`, which the grammar takes for commands with script blocks."""
    words: list[object] = []
    for each in found:
        command = each.elements[0] if isinstance(each, Pipeline) and len(each.elements) == 1 else None
        if not isinstance(command, Command) or not isinstance(command.name, Literal):
            return ()
        words += [command.name.value, *(argument.value for argument in command.arguments)]
    names, blocks = words[::2], words[1::2]
    texts = [str(name.value if isinstance(name, Literal) else name).casefold() for name in names]
    held = [each for each in blocks if isinstance(each, Block)]
    if not texts or not set(texts) <= {"begin", "process", "end"} or len(held) != len(texts):
        return ()
    return tuple(zip(texts, held, strict=True))


def braces(node: Node) -> Block:
    """A statement block, text included."""
    return block(node, text_of(node)[1:-1])


def _parameters(node: Node) -> tuple[Parameter, ...]:
    listed = grammar.child(node, "parameter_list")
    return tuple(_parameter(child) for child in named(listed)) if listed is not None else ()


def _parameter(node: Node) -> Parameter:
    variable, default = grammar.child(node, "variable"), grammar.child(node, "script_parameter_default")
    if variable is None:
        raise grammar.unknown(node)
    attributes = grammar.child(node, "attribute_list")
    kinds = [_attribute(child) for child in named(attributes)] if attributes is not None else []
    value = None if default is None else parser_expressions.expression(only(default))
    return Parameter(text_of(variable).lstrip("$"), next((kind for kind in kinds if kind), ""), value)


def _attribute(node: Node) -> str:
    """A parameter's type; `[Parameter(…)]` says nothing that is played."""
    literal = grammar.child(node, "type_literal")
    if literal is not None:
        return text_of(literal)[1:-1]
    text = text_of(node).casefold()
    if not text.startswith("[parameter(") or "pipeline" in text or "remaining" in text:
        raise grammar.unknown(node)
    return ""


def statements(node: Node) -> tuple[Statement, ...]:
    """Those of a list, without the empty ones."""
    return tuple(statement(child) for child in named(node) if child.type != "empty_statement")


def statement(node: Node) -> Statement:
    """One statement."""
    make = _STATEMENTS.get(node.type)
    if make is None:
        raise grammar.unknown(node)
    return make(node)


def pipeline(node: Node) -> Statement:
    """Commands and expressions with `|` between them."""
    chain = only(node)
    if chain.type == "assignment_expression":
        return Pipeline((assignment(chain),))
    if chain.type != "pipeline_chain":
        raise grammar.unknown(node)
    elements: list[Command | Expression] = []
    for part in named(chain):
        if part.type != "redirections":
            elements.append(_element(part))
        elif elements:
            elements[-1] = _redirected(elements[-1], part)
    return Pipeline(tuple(elements))


def _redirected(element: Command | Expression, node: Node) -> Command:
    """An expression with redirections, as a block that has them."""
    redirections = tuple(redirection(child) for child in named(node))
    if isinstance(element, Command):
        return replace(element, redirections=(*element.redirections, *redirections))
    return Command("&", Block((Pipeline((element,)),)), (), redirections, text_of(node))


def _element(node: Node) -> Command | Expression:
    if node.type != "command":
        return parser_expressions.expression(node)
    # The grammar takes `1..3` and `5MB` for a command's name.
    if match := _RANGE.fullmatch(text_of(node).strip()):
        return Binary("..", Literal(int(match[1])), Literal(int(match[2])))
    if match := _SIZE.fullmatch(text_of(node).strip()):
        return Literal(int(match[1]) * UNITS[match[2].casefold()])
    return _command(node)


def assignment(node: Node) -> Assignment:
    """`a = …`."""
    left, operator, value = named(node)
    return Assignment(
        parser_expressions.expression(only(left)), text_of(operator).removesuffix("="), statement(value)
    )


_OPERATORS: Mapping[str, Choice["", "&", "."]] = {"": "", "&": "&", ".": "."}


def _command(node: Node) -> Command:
    operator = ""
    name: Expression | None = None
    arguments: list[Argument] = []
    redirections: list[Redirection] = []
    for child in named(node):
        match child.type:
            case "command_invokation_operator":
                operator = text_of(child)
            case "command_name":
                name = Literal(text_of(child))
            case "command_name_expr":
                name = _command_name(only(child))
            case "command_elements":
                arguments, redirections = _arguments(child)
            case _:
                raise grammar.unknown(child)
    if name is None:
        raise grammar.unknown(node)
    return Command(_OPERATORS[operator], name, tuple(arguments), tuple(redirections), text_of(node))


def _command_name(node: Node) -> Expression:
    if node.type == "command_name":
        return Literal(text_of(node))
    return _path(node) if node.type == "path_command_name" else parser_expressions.expression(node)


def _path(node: Node) -> Expression:
    r"""`$folder\name.ps1`, or a variable alone; `$x.Name` is a property's value, which is nobody's command."""
    parts = [
        text_of(child) if child.type == "path_command_name_token" else parser_expressions.expression(child)
        for child in named(node)
    ]
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    if any(isinstance(part, str) and part.startswith((".", "[", "(")) for part in parts[1:]):
        raise grammar.unknown(node)
    return Expandable(tuple(parts))


def _arguments(node: Node) -> tuple[list[Argument], list[Redirection]]:
    arguments: list[Argument] = []
    redirections: list[Redirection] = []
    for child in node.named_children:
        match child.type:
            case "command_argument_sep":
                # `-Name:value`: the colon is part of what separates.
                if ":" in text_of(child) and arguments and arguments[-1].value is None:
                    arguments[-1] = Argument(f"{arguments[-1].name}:", None)
            case "redirection":
                redirections.append(redirection(child))
            case "generic_token" if is_redirection(child):
                redirections.append(glued(child))
            case "command_parameter":
                arguments.append(Argument(text_of(child)[1:], None))
            case _ if arguments and arguments[-1].name.endswith(":") and arguments[-1].value is None:
                arguments[-1] = Argument(arguments[-1].name[:-1], parser_expressions.word(child))
            case _:
                arguments.append(Argument("", parser_expressions.word(child)))
    return arguments, redirections


def _if(node: Node) -> Statement:
    condition, body, *rest = named(node)
    branches = [(statement(condition), braces(body))]
    otherwise = None
    for child in rest:
        if child.type == "elseif_clauses":
            branches += [(statement(test), braces(then)) for test, then in map(named, named(child))]
        else:
            otherwise = braces(only(child))
    return If(tuple(branches), otherwise)


def _for_each(node: Node) -> Statement:
    variable, items, body = named(node)
    return ForEach(text_of(variable).lstrip("$"), statement(items), braces(body))


def _loop(node: Node) -> Statement:
    parts = {child.type: child for child in named(node)}
    held = {kind: statement(only(parts[kind])) for kind in _LOOP_PARTS if kind in parts}
    return Loop(
        braces(parts["statement_block"]),
        start=held.get("for_initializer"),
        condition=held.get("for_condition", held.get("while_condition")),
        step=held.get("for_iterator"),
        is_tested_last=node.type == "do_statement",
        is_until=any(child.type == "until" for child in node.children),
    )


_LOOP_PARTS = ("for_initializer", "for_condition", "for_iterator", "while_condition")


def _switch(node: Node) -> Statement:
    condition, body = named(node)
    clauses = grammar.child(body, "switch_clauses")
    return Switch(statement(only(condition)), tuple(_clause(child) for child in named(clauses)) if clauses else ())


def _clause(node: Node) -> tuple[Expression | None, Block]:
    condition, body = named(node)
    inner = named(condition)
    text = text_of(condition).strip()
    if inner:
        return parser_expressions.expression(inner[0]), braces(body)
    if text.casefold() == "default":
        return None, braces(body)
    quoted = re.fullmatch(r"'([^']*)'|\"([^\"$`]*)\"|([\w.-]+)", text)
    if quoted is None:
        raise grammar.unknown(node)
    return Literal(next(part for part in quoted.groups() if part is not None)), braces(body)


def _try(node: Node) -> Statement:
    body, *rest = named(node)
    handlers: list[tuple[tuple[str, ...], Block]] = []
    last = None
    for child in rest:
        if child.type == "catch_clauses":
            handlers += [_handler(clause) for clause in named(child)]
        else:
            last = braces(only(child))
    return Try(braces(body), tuple(handlers), last)


def _handler(node: Node) -> tuple[tuple[str, ...], Block]:
    *types, body = named(node)
    return tuple(text_of(kind)[1:-1] for listed in types for kind in named(listed)), braces(body)


def _flow(node: Node) -> Statement:
    inner = named(node)
    return Flow(text_of(node.children[0]).casefold(), statement(inner[0]) if inner else None)


def _function(node: Node) -> Statement:
    name = grammar.child(node, "function_name")
    if name is None or text_of(node.children[0]).casefold() != "function":
        raise grammar.unknown(node)
    parameters: tuple[Parameter, ...] = ()
    body = Block(())
    for child in named(node):
        if child.type == "function_parameter_declaration":
            parameters = _parameters(child)
        elif child.type == "script_block":
            body = block(child, text_of(child))
        elif child.type != "function_name":
            raise grammar.unknown(child)
    return Function(text_of(name), replace(body, parameters=parameters + body.parameters))


_STATEMENTS: Mapping[str, Callable[[Node], Statement]] = {
    "do_statement": _loop,
    "flow_control_statement": _flow,
    "for_statement": _loop,
    "foreach_statement": _for_each,
    "function_statement": _function,
    "if_statement": _if,
    "pipeline": pipeline,
    "switch_statement": _switch,
    "try_statement": _try,
    "while_statement": _loop,
}
