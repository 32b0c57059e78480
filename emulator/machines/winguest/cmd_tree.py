"""A line or a batch file of cmd.exe as a tree: what `cmd_line` makes and `cmd_shell` plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class File:
    """A file that a stream goes to."""

    path: str
    is_appended: bool = False


Target = Literal["stdout", "stderr", "nul"] | File
STREAMS: Mapping[StreamName, Target] = {"stdout": "stdout", "stderr": "stderr"}


@dataclass(frozen=True, slots=True)
class Redirections:
    """Where each stream goes; `source` is the file that input comes from, `nul`, or nothing for the console."""

    targets: Mapping[StreamName, Target] = field(default_factory=lambda: dict(STREAMS))
    source: str = ""


@dataclass(frozen=True, slots=True)
class Simple:
    """One command: its word, without quotes, and its arguments as they were written, with the space before them."""

    name: str
    arguments: str
    redirections: Redirections = Redirections()


@dataclass(frozen=True, slots=True)
class Group:
    """`( … )`: lines."""

    lines: tuple["Node", ...]
    redirections: Redirections = Redirections()


@dataclass(frozen=True, slots=True)
class Joined:
    """`a & b`, `a && b`, `a || b`, `a | b`."""

    operator: Literal["&", "&&", "||", "|"]
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class If:
    """`if …`; what is asked is `exist`, `defined`, `errorlevel`, or a comparison's operator in lower case."""

    question: str
    left: str
    right: str
    is_negated: bool
    ignores_case: bool
    then: "Node"
    otherwise: "Node | None"


@dataclass(frozen=True, slots=True)
class For:
    """`for`; `kind` is `d`, `l`, `f` or nothing, `letters` the variables that the body sees."""

    kind: str
    options: str
    letters: str
    source: str
    body: "Node"


@dataclass(frozen=True, slots=True)
class Label:
    """`:name`."""

    name: str


Node = Simple | Group | Joined | If | For | Label
