"""Parse redirections, and words that the grammar takes for arguments while Windows redirects by them."""

import re

from emulator.machines.winguest import grammar, parser_expressions
from emulator.machines.winguest.grammar import Node, only, text_of
from emulator.machines.winguest.tree import Expandable, Expression, Literal, Redirection

_GLUED = re.compile(r"([1-6*]?)(>>?)(?!&)")
"""`2>$null` without a space."""
_QUOTES = set("\"'`")


def is_redirection(node: Node) -> bool:
    """Whether Windows would end a word within it, and redirect: `>` is no part of any that is not quoted."""
    text = text_of(node)
    return _GLUED.match(text) is not None or (">" in text and not set(text) & _QUOTES)


def redirection(node: Node) -> Redirection:
    """`2>&1`, or `> file`."""
    merging = grammar.child(node, "merging_redirection_operator")
    if merging is not None:
        stream, _, target = text_of(merging).partition(">&")
        if target != "1":
            raise grammar.unknown(node)
        return Redirection(stream, "&1")
    operator, name = grammar.child(node, "file_redirection_operator"), grammar.child(node, "redirected_file_name")
    if operator is None or name is None:
        raise grammar.unknown(node)
    arrow = text_of(operator)
    return Redirection(
        arrow.rstrip(">") or "1", parser_expressions.word(only(name)), is_appended=arrow.endswith(">>")
    )


def glued(node: Node) -> Redirection:
    """A redirection that the grammar takes for a word."""
    arrow = _GLUED.match(text_of(node))
    made = parser_expressions.word(node)
    if arrow is None or set(text_of(node)) & _QUOTES:
        # What is quoted may go on behind the token, which the grammar ends at the first space.
        raise grammar.unknown(node)
    match made:
        case Literal(value=str(text)) if text.startswith(arrow[0]) and text != arrow[0]:
            target: Expression = Literal(text.removeprefix(arrow[0]))
        case Expandable(parts=(str(text), *rest)) if text == arrow[0] and len(rest) == 1:
            target = Literal(rest[0]) if isinstance(rest[0], str) else rest[0]
        case Expandable(parts=(str(text), *rest)) if text.startswith(arrow[0]):
            target = Expandable((text.removeprefix(arrow[0]), *rest))
        case _:
            raise grammar.unknown(node)
    return Redirection(arrow[1] or "1", target, is_appended=arrow[2] == ">>")
