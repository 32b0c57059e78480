"""The door to tree-sitter: a script as the grammar's own nodes, or a refusal."""

import functools
import re
from typing import Any, cast

from emulator.machines.winguest.errors import NotUnderstoodError

MAX_DEPTH = 400
"""How deep a script's tree may nest; one statement in another takes about twenty levels."""
MAX_CHARACTERS = 1_000_000
Node = Any
"""tree_sitter's own, of which we use `type`, `children`, `text` and the positions."""


def read(script: str) -> Node:
    """The root of a script.

    Raises:
        NotUnderstoodError: it is no PowerShell that the grammar knows.
    """
    if len(script) > MAX_CHARACTERS:
        raise NotUnderstoodError("a script of that length")
    text = script.replace("\r\n", "\n")
    root = _grammar().parse(text.encode("utf-8", "replace")).root_node
    if root.has_error:
        again = _grammar().parse(mended(text).encode("utf-8", "replace")).root_node
        root = again if not again.has_error else root
    if root.has_error:
        raise NotUnderstoodError(_first_error(root))
    if _is_deeper(root, MAX_DEPTH):
        raise NotUnderstoodError("a script that nests so deep")
    return root


_BARE = r"[A-Za-z_*][\w.*\\:-]*"
_ITEM = rf"(?:'[^'\n]*'|\"[^\"\n]*\"|\$\w+(?::\w+)?|-?\d+|{_BARE})"
_PATH = r"\$(?:\w+:)?\w+(?:\\(?:[^\s;|(){}\[\],\"'`$]|\$(?:\w+:)?\w+)*)+"
_TOKEN = re.compile(
    r"@'\n.*?\n'@|@\"\n.*?\n\"@|<#.*?#>|#[^\n]*|(?P<size>(?<![\w.$])\d+[kmgt]b\b)"
    rf"|(?<=[\w\"'),])(?P<before>[ \t]+)(?:(?P<list>{_ITEM}(?:[ \t]*,[ \t]*{_ITEM})+)|(?P<path>{_PATH}))"
    r"(?=[\s;|)},]|$)|'[^']*'|\"(?:[^\"`]|`.)*\"",
    re.DOTALL | re.IGNORECASE,
)


def mended(script: str) -> str:
    r"""A script with what the grammar does not know as it does, where that means the same.

    Bare arguments such as `$env:TEMP\a.txt`, and lists of them such as `Name, Status`, are put in quotes; sizes are
    written small. In an expression, behind `=` or an operator, such words are none, and stay.
    """

    def mend(match: re.Match[str]) -> str:
        if match["size"]:
            return match[0].lower()
        if match["list"]:
            quoted = re.sub(_ITEM, lambda item: _quoted(item[0]), match["list"], flags=re.IGNORECASE)
            return f"{match['before']}{quoted}"
        return f'{match["before"]}"{match["path"]}"' if match["path"] else match[0]

    return _TOKEN.sub(mend, script)


def _quoted(item: str) -> str:
    return f"'{item}'" if re.fullmatch(_BARE, item, re.IGNORECASE) else item


@functools.cache
def _grammar() -> Any:
    import tree_sitter_powershell
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_powershell.language()))


def _is_deeper(root: Node, limit: int) -> bool:
    level, depth = [root], 0
    while level and depth <= limit:
        level, depth = [child for node in level for child in node.children], depth + 1
    return depth > limit


def _first_error(root: Node) -> str:
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "ERROR" or node.is_missing:
            return text_of(node).strip()[:80] or "an incomplete statement"
        stack.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)
    return "an error"


def named(node: Node) -> list[Node]:
    """The parts that mean something."""
    return [child for child in node.named_children if child.type not in ("comment", "command_argument_sep")]


def only(node: Node) -> Node:
    """The one part that means something; raises NotUnderstoodError where there are more or none."""
    found = named(node)
    if len(found) != 1:
        raise unknown(node)
    return found[0]


def child(node: Node, kind: str) -> Node | None:
    """The first part of that kind."""
    return next((each for each in node.children if each.type == kind), None)


def text_of(node: Node) -> str:
    """What stands there."""
    return cast("bytes", node.text).decode("utf-8", "replace")


def unknown(node: Node) -> NotUnderstoodError:
    """That is not played."""
    return NotUnderstoodError(text_of(node).strip()[:80])
