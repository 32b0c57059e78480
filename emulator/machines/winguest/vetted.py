"""What a check has found of a script before it ran: the only texts, files and lines that may run in its course."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.tree import Block

if TYPE_CHECKING:
    from emulator.machines.winguest.cmd_shell import Planned

MAX_ENTRIES = 4096
"""Entries of a kind that are kept: a runspace lives long, and its scripts are checked again each time."""


@dataclass(slots=True)
class Vetted:
    """What was checked, by what it is called when it runs.

    Attributes:
        functions: names that scripts define; one that is called before it is defined is an error of the script's.
        texts: scripts in strings, which `Invoke-Expression` runs.
        files: scripts on the drive by their folded path, with the text that was checked.
        lines: programs' command lines, planned.
    """

    functions: "OrderedDict[str, None]" = field(default_factory=OrderedDict)
    texts: "OrderedDict[str, Block]" = field(default_factory=OrderedDict)
    files: "OrderedDict[str, tuple[str, Block | None]]" = field(default_factory=OrderedDict)
    lines: "OrderedDict[str, Planned]" = field(default_factory=OrderedDict)

    def add(self, other: "Vetted") -> None:
        """Take over what another check has found, and forget what is oldest."""
        for mine, theirs in (
            (self.functions, other.functions),
            (self.texts, other.texts),
            (self.files, other.files),
            (self.lines, other.lines),
        ):
            mine.update(theirs)  # type: ignore[arg-type]  # each with its own kind
            while len(mine) > MAX_ENTRIES:
                mine.popitem(last=False)

    def text(self, script: str) -> Block:
        """The tree of a script in a string.

        Raises:
            NotUnderstoodError: it was not checked before this run.
        """
        if script not in self.texts:
            raise NotUnderstoodError("Invoke-Expression")
        return self.texts[script]

    def line(self, line: str) -> "Planned":
        """The plan of a program's command line.

        Raises:
            NotUnderstoodError: it was not checked before this run.
        """
        if line not in self.lines:
            raise NotUnderstoodError(line.split(" ", 1)[0])
        return self.lines[line]
