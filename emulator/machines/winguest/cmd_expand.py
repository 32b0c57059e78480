"""The first thing that cmd.exe does with a line: `%NAME%`, `%1`, `%~dp0`, `!NAME!`, before it looks for commands.

What cannot change before the line runs is replaced here. What can, becomes a hole (see `holes`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.holes import Hole, Holes, are_in, modified, sliced

COMPUTED = ("CD", "DATE", "TIME", "RANDOM", "ERRORLEVEL")
"""Variables that are none, but are computed where nothing of their name is set."""
_PERCENT = re.compile(
    r"%%|%(?P<mods>~[a-zA-Z]*)?(?P<number>[0-9*])|%(?P<name>[^%:\r\n]+)(?P<slice>:[^%\r\n]+)?%|%", re.ASCII
)
_ON_A_LINE = re.compile(r"%(?P<name>[^%:\r\n]+)(?P<slice>:[^%\r\n]+)?%", re.ASCII)
_DELAYED = re.compile(r"(?<!\^)!(?P<name>[^!:\r\n]+)(?P<slice>:[^!\r\n]+)?!")
_SET = re.compile(r"(?<![\w.])set\s([^\r\n]*)", re.IGNORECASE)
_NAME = re.compile(r"\"?([^=&|<>()\"]*?)\s*[-+*/%&^|]?=")
_IN_SUMS = re.compile(r"([A-Za-z_][\w.]*)\s*[-+*/%&^|]?=")


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known while a line is planned.

    Attributes:
        environment: the variables, by their names in upper case.
        changing: names, in lower case, that may have another value when the line runs; None for any.
        holes: those of the whole plan.
        arguments: a batch file's words, its own path first; None on a command line.
        is_delayed: whether `!NAME!` is expanded.
        is_late: whether variables are taken as they are when the command runs, as `call` does.
        level: how deep the cmd.exe that reads the line is in others.
    """

    environment: Mapping[str, str]
    changing: frozenset[str] | None = frozenset()
    holes: Holes = field(default_factory=Holes)
    arguments: tuple[str, ...] | None = None
    is_delayed: bool = False
    is_late: bool = False
    level: int = 0

    def with_changing(self, more: frozenset[str] | None) -> "Scope":
        """The same, where more may change."""
        if more is None or self.changing is None:
            return replace(self, changing=None)
        return replace(self, changing=self.changing | more)


def assigned(text: str) -> frozenset[str] | None:
    """The variables that a text's `set` commands may set, in lower case; None where a name is computed."""
    found: set[str] = set()
    for match in _SET.finditer(text):
        sums = re.match(r"\s*/a\b", match[1], re.IGNORECASE)
        rest = re.sub(r"^\s*(?:/[ap]\s*)+", "", match[1], flags=re.IGNORECASE)
        names = _IN_SUMS.findall(rest) if sums else _NAME.findall(rest)[:1]
        if any(re.search(r"[%!]", name) for name in names):
            return None
        found |= {name.strip().casefold() for name in names}
    return frozenset(found)


def expand(text: str, scope: Scope) -> str:
    """The text as cmd.exe goes on with it.

    Raises:
        NotUnderstoodError: what a variable stands for is not certain where it must be.
    """
    if scope.arguments is None:
        found = _ON_A_LINE.sub(lambda match: _variable(match, scope), text)
    else:
        found = _PERCENT.sub(lambda match: _in_a_batch(match, scope), text)
    return _DELAYED.sub(lambda match: _delayed(match, scope), found) if scope.is_delayed else found


def _in_a_batch(match: re.Match[str], scope: Scope) -> str:
    if match[0] == "%%":
        return "%"
    if match["number"]:
        return _argument(match["number"], match["mods"] or "", scope)
    return _variable(match, scope) if match["name"] else ""


def _argument(number: str, modifiers: str, scope: Scope) -> str:
    words = scope.arguments or ()
    if not set(modifiers[1:].casefold()) <= set("fdpnx"):
        raise NotUnderstoodError(f"%{modifiers}{number}")
    given = words[1:] if number == "*" else words[int(number) : int(number) + 1]
    is_path = modifiers not in ("", "~") and number != "0"
    if is_path or any(are_in(word) for word in given):
        return scope.holes.make(Hole("argument", number, modifiers))
    return modified(" ".join(given), modifiers, lambda path: path)


def _variable(match: re.Match[str], scope: Scope) -> str:
    name, modifiers = match["name"], match["slice"] or ""
    if are_in(match[0]):
        raise NotUnderstoodError("a variable whose name is another's value")
    value = scope.environment.get(name.upper())
    if _may_change(name, scope) or (value is None and name.upper() in COMPUTED):
        return scope.holes.make(
            Hole("delayed" if scope.is_late else "variable", name.upper(), modifiers, scope.level)
        )
    if value is None:
        return "" if scope.arguments is not None else match[0]
    if are_in(value):
        raise NotUnderstoodError(match[0])
    return sliced(value, modifiers)


def _may_change(name: str, scope: Scope) -> bool:
    if scope.changing is None:
        return re.fullmatch(r"[\w.-]+", name) is not None
    return name.casefold() in scope.changing


def _delayed(match: re.Match[str], scope: Scope) -> str:
    return scope.holes.make(Hole("delayed", match["name"].upper(), match["slice"] or ""))
