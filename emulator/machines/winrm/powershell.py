"""The little PowerShell that the built-in host plays: literals written out, `exit N` and `throw 'text'`.

It is no interpreter. A script is split into statements; unless each is one of the forms below, nothing of it runs
and it fails as an unknown command does.
"""

import base64
import binascii
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.machines.winrm.cmd_line import NotUnderstoodError
from emulator.machines.winrm.session import Action, Result, Session

PS_VERSION = ("5", "1", "20348", "2400")

_FLAGS = re.compile(
    r"\s*[-/](?:(?P<bare>nop(?:rofile)?|noni(?:nteractive)?|nol(?:ogo)?|sta|mta)"
    r"|(?P<valued>ep|ex(?:ecutionpolicy)?|w(?:indowstyle)?|inputformat|outputformat)\s+\w+"
    r"|(?P<encoded>e|ec|en|enc(?:odedcommand)?)|(?P<command>c(?:ommand)?))(?=\s|$)",
    re.IGNORECASE,
)
_LITERAL = re.compile(
    r"'(?P<single>(?:[^']|'')*)'"
    r'|"(?P<double>[^"$`]*)"'
    r"|\$env:(?P<variable>\w+)"
    r"|(?P<bare>[\w.:/\\+=!?*%^~\[\]-]+)"
)
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)
_PROGRESS = re.compile(
    r"(?:if\s*\(Test-Path variable:global:ProgressPreference\)\s*\{\s*)?"
    r"(?:set-variable -name variable:global:ProgressPreference -value|\$(?:global:)?ProgressPreference\s*=)"
    r"\s*['\"]SilentlyContinue['\"]\s*\}?",
    re.IGNORECASE,
)
_WRITERS = {"echo": "\r\n", "write": "\r\n", "write-output": "\r\n", "write-host": " "}


@dataclass(frozen=True, slots=True)
class _Literal:
    """A piece of text, or the name of an environment variable that holds it."""

    text: str
    is_variable: bool = False

    def value(self, session: Session) -> str:
        return session.variable(self.text) or "" if self.is_variable else self.text


def plan(arguments: str) -> Action:
    """The action of `powershell ARGUMENTS`.

    Raises:
        NotUnderstoodError: an option or a statement is not understood; the message is the statement.
    """
    script, encoded = _script(arguments)
    actions = [_statement(statement) for statement in _statements(script)]
    return lambda session: _run(actions, session, as_clixml=encoded)


def _script(arguments: str) -> tuple[str, bool]:
    """The script in the arguments, and whether it came encoded."""
    at = 0
    while match := _FLAGS.match(arguments, at):
        at = match.end()
        if match["encoded"]:
            return _decoded(arguments[at:]), True
        if match["command"]:
            break
    text = arguments[at:].strip()
    if not text or text.startswith(("-", "/")):
        raise NotUnderstoodError(f"powershell {text}".strip())
    return (text[1:-1] if re.fullmatch(r'"[^"]*"', text) else text), False


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text.strip().strip('"'), validate=True).decode("utf-16-le")
    except (binascii.Error, ValueError):
        raise NotUnderstoodError("powershell -EncodedCommand") from None


def _statements(script: str) -> list[str]:
    """Split at `;` and line ends outside quotes; comments and open quotes are not understood."""
    pieces = re.findall(r"'(?:[^']|'')*'|\"[^\"]*\"|[;\r\n]|[^;\r\n'\"]+|['\"]", script)
    statements = [""]
    for piece in pieces:
        if piece in "'\"" or (piece[0] not in "'\"" and "#" in piece):
            raise NotUnderstoodError(script.strip())
        if piece in ";\r\n":
            statements.append("")
        else:
            statements[-1] += piece
    return [statement.strip() for statement in statements if statement.strip()]


def _statement(text: str) -> Action:
    word, _, rest = text.partition(" ")
    if word.casefold() in _WRITERS:
        return _writer(word.casefold(), _literals(rest, text))
    if word.casefold() == "exit":
        return _exit(rest.strip(), text)
    if word.casefold() == "throw":
        return _throw(_literals(rest, text), text)
    if text.casefold().startswith("$psversiontable.psversion"):
        return _version(text)
    if _PROGRESS.fullmatch(text):
        return lambda _: Result()
    return _expression(text)


def _literals(text: str, statement: str) -> Sequence[_Literal]:
    found: list[_Literal] = []
    at, text = 0, text.strip()
    while at < len(text):
        match = _LITERAL.match(text, at)
        if match is None or (match["bare"] or "").startswith("-"):
            raise NotUnderstoodError(statement)
        found.append(_literal(match))
        gap = re.compile(r"\s*,\s*|\s+|$").match(text, match.end())
        if gap is None:
            raise NotUnderstoodError(statement)
        at = gap.end()
    return found


def _literal(match: re.Match[str]) -> _Literal:
    if match["variable"] is not None:
        return _Literal(match["variable"], is_variable=True)
    if match["single"] is not None:
        return _Literal(match["single"].replace("''", "'"))
    return _Literal(match["double"] if match["double"] is not None else match["bare"])


def _writer(word: str, literals: Sequence[_Literal]) -> Action:
    # Write-Host ends its line with LF alone where nobody watches; the pipeline's lines end with CR LF.
    separator, end = _WRITERS[word], "\n" if word == "write-host" else "\r\n"
    if not literals and word != "write-host":
        raise NotUnderstoodError(word)
    return lambda session: Result(separator.join(literal.value(session) for literal in literals) + end)


def _exit(code: str, statement: str) -> Action:
    if code and not _NUMBER.fullmatch(code):
        raise NotUnderstoodError(statement)
    return lambda _: Result(exit_code=int(code or 0), ends=True)


def _throw(literals: Sequence[_Literal], statement: str) -> Action:
    if len(literals) != 1:
        raise NotUnderstoodError(statement)

    def run(session: Session) -> Result:
        text = literals[0].value(session)
        where = f"At line:1 char:1\r\n+ {statement}\r\n+ {'~' * len(statement)}\r\n"
        category = f"    + CategoryInfo          : OperationStopped: ({text}:String) [], RuntimeException\r\n"
        identity = f"    + FullyQualifiedErrorId : {text}\r\n \r\n"
        return Result(stderr=f"{text}\r\n{where}{category}{identity}", exit_code=1, ends=True)

    return run


def _version(statement: str) -> Action:
    match statement.casefold().removeprefix("$psversiontable.psversion"):
        case ".tostring()":
            text = ".".join(PS_VERSION)
        case ".major":
            text = PS_VERSION[0]
        case "":
            heads = ("Major", "Minor", "Build", "Revision")
            rows = (heads, tuple("-" * len(head) for head in heads), PS_VERSION)
            text = "\r\n" + "\r\n".join("  ".join(f"{cell:5}" for cell in row).rstrip() for row in rows) + "\r\n\r\n"
        case _:
            raise NotUnderstoodError(statement)
    return lambda _: Result(f"{text}\r\n")


def _expression(statement: str) -> Action:
    """A quoted string, a number or a variable by itself is written out."""
    match = _LITERAL.fullmatch(statement)
    if match is None or (match["bare"] and not _NUMBER.fullmatch(match["bare"])):
        raise NotUnderstoodError(statement)
    literal = _literal(match)
    return lambda session: Result(f"{literal.value(session)}\r\n")


def _run(actions: Sequence[Action], session: Session, *, as_clixml: bool) -> Result:
    stdout, result = "", Result()
    for action in actions:
        result = action(session)
        stdout += result.stdout
        if result.ends:
            break
    stderr = clixml(result.stderr) if as_clixml and result.stderr else result.stderr
    return Result(stdout, stderr, result.exit_code)


def clixml(text: str) -> str:
    """An error as powershell.exe writes it where its output is no console and its command was encoded."""
    lines = "".join(f'<S S="Error">{_escaped(line)}</S>' for line in text.splitlines(keepends=True))
    return (
        f'#< CLIXML\r\n<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">{lines}</Objs>'
    )


def _escaped(line: str) -> str:
    return html.escape(line).replace("\r", "_x000D_").replace("\n", "_x000A_")


def unknown(statement: str, *, encoded: bool) -> str:
    """What PowerShell says to a command it does not know."""
    name = statement.split(maxsplit=1)[0] if statement.split() else "powershell"
    text = (
        f"{name} : The term '{name}' is not recognized as the name of a cmdlet, function, script file, or operable "
        "program. Check the spelling of the name, or if a path was included, verify that the path is correct and "
        "try again.\r\n"
    )
    return clixml(text) if encoded else text
