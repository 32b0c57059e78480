"""Holes in a line that was planned: each is one character, and stands for a text that is known when the line runs.

A text that fills a hole is a text and nothing else: it cannot become a command, an operator or a switch. So a line
can be planned whole before anything runs, whatever its variables turn out to be.
"""

import ntpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from emulator.machines.winguest.errors import NotUnderstoodError

FIRST, LAST = 0xE100, 0xF8FF
"""Characters of Unicode's private use; a line that comes with one is not played."""
ARGUMENTS = 0xE000
"""Those that stand for the arguments of a program that PowerShell starts, by number."""
MAX_ARGUMENTS = FIRST - ARGUMENTS
ANY = re.compile(f"[{chr(ARGUMENTS)}-{chr(LAST)}]")
Kind = Literal["variable", "delayed", "loop", "argument"]


@dataclass(frozen=True, slots=True)
class Hole:
    """What fills a hole.

    Attributes:
        kind: a variable as it was when the line began, or as it is now; a loop's; an argument of a batch file.
        name: a variable's name, a loop's letter, or an argument's number; `*` is all of them.
        modifiers: `~` and what follows it, or a variable's `:~0,3` and `:a=b`.
        level: how deep the cmd.exe that reads the variable is in others.
    """

    kind: Kind
    name: str
    modifiers: str = ""
    level: int = 0


@dataclass(slots=True)
class Holes:
    """The holes of one plan."""

    known: list[Hole] = field(default_factory=list)

    def make(self, hole: Hole) -> str:
        """The character that stands for it."""
        if hole not in self.known:
            self.known.append(hole)
        number = FIRST + self.known.index(hole)
        if number > LAST:
            raise NotUnderstoodError("a line with so many variables")
        return chr(number)

    def fill(self, text: str, values: Callable[[Hole], str]) -> str:
        """The text with its holes filled."""

        def filling(match: re.Match[str]) -> str:
            number = ord(match[0])
            if number < FIRST:
                return values(Hole("argument", str(number - ARGUMENTS), "powershell"))
            return values(self.known[number - FIRST])

        return ANY.sub(filling, text)


def argument(number: int) -> str:
    """The hole of an argument that PowerShell hands over."""
    if number >= MAX_ARGUMENTS:
        raise NotUnderstoodError("so many arguments")
    return chr(ARGUMENTS + number)


def are_in(text: str) -> bool:
    """Whether a text has a hole."""
    return ANY.search(text) is not None


_PARTS: Mapping[str, Callable[[str], str]] = {
    "d": lambda path: ntpath.splitdrive(path)[0],
    "p": lambda path: ntpath.dirname(ntpath.splitdrive(path)[1]).rstrip("\\") + "\\",
    "n": lambda path: ntpath.splitext(ntpath.basename(path))[0],
    "x": lambda path: ntpath.splitext(path)[1],
}


def modified(text: str, modifiers: str, absolute: Callable[[str], str]) -> str:
    """`%~dp1`: without quotes, and the parts of the path that are asked for."""
    if not modifiers.startswith("~"):
        return text
    bare = text.removeprefix('"').removesuffix('"')
    wanted = modifiers[1:].casefold()
    if not wanted:
        return bare
    path = absolute(bare)
    return path if "f" in wanted else "".join(make(path) for part, make in _PARTS.items() if part in wanted)


def sliced(value: str, modifiers: str) -> str:
    """`%NAME:~0,3%` and `%NAME:old=new%`."""
    if match := re.fullmatch(r":~(-?\d+)?(?:,(-?\d+))?", modifiers):
        start = int(match[1] or 0)
        start = max(len(value) + start, 0) if start < 0 else start
        length = int(match[2]) if match[2] else len(value)
        return value[start : len(value) + length] if length < 0 else value[start : start + length]
    match = re.fullmatch(r":(\*?)([^=]+)=(.*)", modifiers, re.DOTALL)
    if match is None:
        return value
    old = re.compile((".*?" if match[1] else "") + re.escape(match[2]), re.IGNORECASE | re.DOTALL)
    return old.sub(lambda _: match[3], value, count=1 if match[1] else 0)
