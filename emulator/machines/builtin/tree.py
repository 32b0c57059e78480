"""A script as values: what the parser gives and the interpreter walks."""

from dataclasses import dataclass


class NotUnderstoodError(Exception):
    """The script has something this guest does not know; `str()` says what."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a word: text, or the name of a variable; quoted pieces are never split."""

    text: str
    is_variable: bool = False
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a command."""

    parts: tuple[Part, ...]

    @property
    def literal(self) -> str | None:
        """Its text, where no variable is in it."""
        return None if any(part.is_variable for part in self.parts) else "".join(part.text for part in self.parts)


@dataclass(frozen=True, slots=True)
class Redirection:
    """`>`, `>>`, `<` to a file, or `>&` to a descriptor."""

    descriptor: int
    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments, a command's words, redirections."""

    assignments: tuple[tuple[str, Word], ...]
    words: tuple[Word, ...]
    redirections: tuple[Redirection, ...]


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with their bodies, and what else."""

    branches: tuple[tuple["Script", "Script"], ...]
    otherwise: "Script | None"


@dataclass(frozen=True, slots=True)
class For:
    """A variable that takes each word in turn."""

    name: str
    words: tuple[Word, ...]
    body: "Script"


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Commands, each fed by the one before; `negated` by `!`."""

    commands: tuple[Simple | If | For, ...]
    negated: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """Pipelines, each with the operator before it: empty, `&&` or `||`."""

    links: tuple[tuple[str, Pipeline], ...]


@dataclass(frozen=True, slots=True)
class Script:
    """Chains, one after the other."""

    chains: tuple[Chain, ...]
