"""Parse a cmd.exe command line into commands and what joins them, or say what in it is not understood.

The whole line is parsed before anything runs. Understood: quotes, `^`, `%NAME%`, `&`, `&&`, `||`, and redirection
of output to a file, to NUL, or of one stream into the other. Pipes, blocks and `FOR` are not.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from emulator.machines.winguest.errors import NotUnderstoodError

Join = Literal["&", "&&", "||"]

_VARIABLE = re.compile(r"%([^%=:\r\n]+)%")
_OPERATOR = re.compile(r"&&|\|\||&|\||[<>\r\n]")
_REDIRECTION = re.compile(
    r"(?:(?<![^\s])(?P<source>[12]))?(?P<arrow>>>?)\s*(?:&\s*(?P<into>[12])|(?P<path>\"[^\"]+\"|[^\s&|<>()\"]+))"
    r"|<\s*nul(?![^\s&|<>()])",
    re.IGNORECASE,
)


StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class File:
    """A file that a stream goes to."""

    path: str
    is_appended: bool = False


Target = Literal["stdout", "stderr", "nul"] | File


@dataclass(frozen=True, slots=True)
class Simple:
    """One command: its name, and its arguments as they were written, with the space before them.

    Attributes:
        name: the command's word, without quotes.
        arguments: the rest, raw; `echo` prints it as it stands.
        targets: where each stream goes, after redirections.
        join: what joins it to the command before it.
    """

    name: str
    arguments: str
    targets: Mapping[StreamName, Target] = field(default_factory=lambda: {"stdout": "stdout", "stderr": "stderr"})
    join: Join = "&"


@dataclass(slots=True)
class _Part:
    join: Join
    text: str = ""
    targets: dict[StreamName, Target] = field(default_factory=lambda: {"stdout": "stdout", "stderr": "stderr"})


def expand(line: str, environment: Mapping[str, str]) -> str:
    """The line with `%NAME%` replaced; unknown names stay, as they do on a command line."""
    upper = {name.upper(): value for name, value in environment.items()}
    return _VARIABLE.sub(lambda match: upper.get(match[1].upper(), match[0]), line)


def parse(line: str) -> tuple[Simple, ...]:
    """The commands in a line, in order.

    Raises:
        NotUnderstoodError: something in it is not understood.
    """
    commands = tuple(_simple(part) for part in _parts(line.lstrip().rstrip("\r\n")) if part.text.strip())
    if not commands:
        raise NotUnderstoodError(line.strip())
    return commands


def _parts(line: str) -> Iterator[_Part]:
    """Split at operators outside quotes; an empty part between two operators is an error in cmd, too."""
    part, at, quoted = _Part("&"), 0, False
    while at < len(line):
        step = 1
        if line[at] == '"':
            quoted = not quoted
            part.text += '"'
        elif quoted:
            part.text += line[at]
        elif match := _REDIRECTION.match(line, at):
            _redirect(part, match)
            step = len(match[0])
        elif match := _OPERATOR.match(line, at):
            yield _ended(part, line)
            part, step = _Part(_join(match[0], line)), len(match[0])
        elif line[at] == "^":
            part.text, step = part.text + line[at + 1 : at + 2], 2
        else:
            part.text += line[at]
        at += step
    yield part if part.join == "&" else _ended(part, line)


def _ended(part: _Part, line: str) -> _Part:
    if not part.text.strip():
        raise NotUnderstoodError(line)
    return part


def _join(operator: str, line: str) -> Join:
    match operator:
        case "&" | "&&" | "||":
            return operator
        case _:
            raise NotUnderstoodError(line)


def _redirect(part: _Part, match: re.Match[str]) -> None:
    if match["arrow"] is None:
        return  # nothing comes in, as it is
    stream: StreamName = "stderr" if match["source"] == "2" else "stdout"
    if match["into"]:
        part.targets[stream] = part.targets["stderr" if match["into"] == "2" else "stdout"]
        return
    path = match["path"].strip('"')
    part.targets[stream] = "nul" if path.casefold() == "nul" else File(path, is_appended=match["arrow"] == ">>")


def _simple(part: _Part) -> Simple:
    text = part.text.lstrip(" \t,;=@")
    if text.startswith("("):
        raise NotUnderstoodError(text)  # a block
    match = re.match(r'"([^"]*)"|[^\s,;="/]+', text)
    if match is None:
        raise NotUnderstoodError(text)
    name = match[0].strip('"')
    arguments = text[match.end() :]
    # `echo.text` and `cd\folder` are one word, but two things.
    if glued := re.fullmatch(r"(?i)(echo|cd|chdir)([.\\:].*)", name, re.DOTALL):
        name, arguments = glued[1], glued[2] + arguments
    return Simple(name, arguments, part.targets, part.join)
