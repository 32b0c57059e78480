"""The expressions of a script: from the grammar's nodes to our tree."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from emulator.machines.winguest import grammar, parser
from emulator.machines.winguest.grammar import Node, named, only, text_of
from emulator.machines.winguest.tree import (
    Array,
    Binary,
    Call,
    Cast,
    Collected,
    Expandable,
    Expression,
    Hash,
    Index,
    Literal,
    Member,
    Statement,
    TypeName,
    Unary,
    Variable,
)

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def expression(node: Node) -> Expression:
    """One expression; levels of precedence that hold only one thing are passed through."""
    make = _EXPRESSIONS.get(node.type)
    if make is not None:
        return make(node)
    found = named(node)
    if node.type.endswith("_expression") and len(found) == 1 and len(node.children) == 1:
        return expression(found[0])
    if node.type in _BINARY and len(node.children) == 3:
        left, operator, right = node.children
        return Binary(text_of(operator).casefold(), expression(left), expression(right))
    raise grammar.unknown(node)


def array(node: Node) -> Expression:
    """`a, b`, or the only item."""
    items = tuple(expression(child) for child in named(node))
    return items[0] if len(items) == 1 else Array(items)


def unary(node: Node) -> Expression:
    """An operator before or behind its operand; or a cast, which the grammar calls so."""
    found = node.children
    if found[0].type == "cast_expression":
        return type_cast(found[0])
    if len(found) == 1 and found[0].is_named:
        return expression(found[0])
    if len(found) != 2:
        raise grammar.unknown(node)
    if found[0].is_named and not found[1].is_named:
        return Unary(text_of(found[1]).casefold(), expression(found[0]), is_postfix=True)
    return Unary(text_of(found[0]).casefold(), expression(found[1]))


def type_cast(node: Node) -> Expression:
    """`[Name]value`."""
    kind, value = named(node)
    return Cast(text_of(kind)[1:-1], expression(value))


def string(node: Node) -> Expression:
    """A string of one of four kinds."""
    kind = only(node)
    raw = text_of(kind)
    match kind.type:
        case "verbatim_string_characters":
            return Literal(raw[1:-1].replace("''", "'"))
        case "verbatim_here_string_characters":
            return Literal(raw[2:-2].split("\n", 1)[1].removesuffix("\n"))
        case "expandable_string_literal":
            return _joined(_parts(kind, 1, 1))
        case "expandable_here_string_literal":
            skipped = raw.index("\n") + 1
            return _joined(_parts(kind, skipped, 3))
        case _:
            raise grammar.unknown(node)


def _parts(node: Node, before: int = 0, behind: int = 0) -> list["str | Expression"]:
    """The texts and expressions between quotes."""
    parts: list[str | Expression] = []
    source, start = cast("bytes", node.text), node.start_byte
    at, end = node.start_byte + before, node.end_byte - behind
    for child in named(node):
        parts += [_unescaped(source[at - start : child.start_byte - start].decode()), expression(child)]
        at = child.end_byte
    return [*parts, _unescaped(source[at - start : end - start].decode())]


def table(node: Node) -> Expression:
    """`@{…}`."""
    body = grammar.child(node, "hash_literal_body")
    entries = [_entry(child) for child in named(body)] if body is not None else []
    return Hash(tuple(entries))


def _entry(node: Node) -> tuple[Expression, Statement]:
    key, value = named(node)
    name = only(key)
    return (Literal(text_of(name)) if name.type == "simple_name" else expression(name)), parser.statement(value)


def member(node: Node) -> Expression:
    """`target.name` or `[target]::name`."""
    target, dots, name = node.children
    inner = only(name)
    found = Literal(text_of(inner)) if inner.type == "simple_name" else expression(inner)
    return Member(expression(target), found, is_static=text_of(dots) == "::")


def call(node: Node) -> Expression:
    """`target.name(…)`."""
    target, dots, name, arguments = node.children
    inner = only(name)
    if inner.type != "simple_name":
        raise grammar.unknown(node)
    listed = grammar.child(arguments, "argument_expression_list")
    given = tuple(expression(only(child)) for child in named(listed)) if listed is not None else ()
    return Call(expression(target), text_of(inner), given, is_static=text_of(dots) == "::")


def index(node: Node) -> Expression:
    """`target[index]`."""
    target, index = named(node)
    return Index(expression(target), expression(index))


def parenthesized(node: Node) -> Expression:
    """`(…)`."""
    return Collected("(", (parser.statement(only(node)),))


def sub_expression(node: Node) -> Expression:
    """`$(…)` or `@(…)`."""
    statements = grammar.child(node, "statement_list")
    return Collected(
        "@" if text_of(node).startswith("@") else "$", () if statements is None else parser.statements(statements)
    )


def script_block(node: Node) -> Expression:
    """`{…}`."""
    return parser.block(node, text_of(node)[1:-1])


def _joined(parts: Sequence["str | Expression"]) -> Expression:
    """One text where there is nothing to expand."""
    if all(isinstance(part, str) for part in parts):
        return Literal("".join(cast("list[str]", parts)))
    return Expandable(tuple(part for part in parts if part != ""))


def _unescaped(text: str) -> str:
    text = re.sub(r"`(\n|.)", lambda match: _ESCAPES.get(match[1], "" if match[1] == "\n" else match[1]), text)
    return text.replace('""', '"')


def word(node: Node) -> Expression:
    """A command's argument: a bare word is a number, a text, or a text with variables in it."""
    if node.type != "generic_token":
        return expression(node)
    if named(node):
        return Expandable(tuple(part for part in _parts(node) if part != ""))
    text = text_of(node)
    if re.fullmatch(r"-?\d+", text):
        return Literal(int(text))
    # The grammar leaves variables within a bare word alone.
    pieces = re.split(r"(\$(?:\w+:)?\w+)", text)
    found = [Variable(piece[1:]) if number % 2 else _unescaped(piece) for number, piece in enumerate(pieces)]
    return _joined([part for part in found if part != ""] or [""])


def _integer(node: Node) -> Expression:
    text = text_of(node).casefold().removesuffix("l")
    unit = next((suffix for suffix in parser.UNITS if text.endswith(suffix)), "")
    digits = text.removesuffix(unit)
    return Literal((int(digits, 16) if digits.startswith("0x") else int(digits)) * parser.UNITS.get(unit, 1))


def _variable(node: Node) -> Expression:
    text = text_of(node)
    return Variable(text[1:].strip("{}"), is_splatted=text.startswith("@"))


_BINARY = {
    f"{level}{kind}_expression"
    for kind in ("", "_argument")
    for level in ("logical", "bitwise", "comparison", "additive", "multiplicative", "format", "range")
}
_EXPRESSIONS: Mapping[str, Callable[[Node], Expression]] = {
    "array_expression": sub_expression,
    "array_literal_expression": array,
    "assignment_expression": lambda node: parser.assignment(node),  # noqa: PLW0108  # not there yet when this is read
    "cast_expression": type_cast,
    "element_access": index,
    "expression_with_unary_operator": unary,
    "post_increment_expression": unary,
    "post_decrement_expression": unary,
    "pre_increment_expression": unary,
    "pre_decrement_expression": unary,
    "hash_literal_expression": table,
    "integer_literal": _integer,
    "invokation_expression": call,
    "member_access": member,
    "parenthesized_expression": parenthesized,
    "real_literal": lambda node: Literal(float(text_of(node))),
    "script_block_expression": script_block,
    "string_literal": string,
    "sub_expression": sub_expression,
    "type_literal": lambda node: TypeName(text_of(node)[1:-1]),
    "variable": _variable,
}
