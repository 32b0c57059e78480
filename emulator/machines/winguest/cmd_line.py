"""Parse what cmd.exe reads, variables expanded, into commands and what joins them, or say what is not understood.

All is parsed before anything runs: quotes, `^`, `&`, `&&`, `||`, `|`, blocks, `if`, `for`, labels, redirections.
"""

import re
from typing import Literal

from emulator.machines.winguest.cmd_tree import (
    STREAMS,
    File,
    For,
    Group,
    If,
    Joined,
    Label,
    Node,
    Redirections,
    Simple,
    StreamName,
    Target,
)
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.holes import Hole, Holes

MAX_DEPTH = 40
"""How deep blocks, `if` and `for` may nest."""
_BLANK = re.compile(r"(?:[ \t,;=]|\^\r?\n)+")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"(?i)@?(if|for|rem)(?=[\s/(;,=]|$)")
_REDIRECTION = re.compile(
    r"(?:(?<![^\s(])(?P<source>[12]))?(?P<arrow>>>?)\s*(?:&\s*(?P<into>[12])|(?P<path>\"[^\"\r\n]+\"|[^\s&|<>()\"]+))"
    r"|<\s*(?P<input>\"[^\"\r\n]+\"|[^\s&|<>()\"]+)",
    re.IGNORECASE,
)
_OPERAND = r"(?:\"[^\"\r\n]*\"|[^\s=<>&|\"])+"
_IF = re.compile(
    r"\s*(?P<case>/i\s+)?(?P<not>not\s+)?(?:(?P<word>exist|defined|errorlevel)\s+(?P<operand>\"[^\"\r\n]+\"|[^\s&|()]+)"
    rf"|(?P<left>{_OPERAND})\s*(?:(?P<equal>==)\s*|(?P<compare>equ|neq|lss|leq|gtr|geq)\s+)(?P<right>{_OPERAND}))\s*",
    re.IGNORECASE,
)
_FOR = re.compile(
    r"\s+(?:/(?P<kind>[dlf])\s+)?(?P<options>\"[^\"\r\n]*\"\s+)?%(?P<letter>[a-z])\s+in\s*\((?P<source>.*?)\)\s*do(?=[\s(@])",
    re.IGNORECASE | re.DOTALL,
)


def parse(text: str, holes: Holes | None = None) -> tuple[Node, ...]:
    """The lines of a batch file, or the one of a command line, blocks in one.

    Raises:
        NotUnderstoodError: something in it is not understood.
    """
    return _Parser(text, holes or Holes()).lines(is_block=False)


class _Parser:
    """Goes through a text once; `_at` is how far it is."""

    def __init__(self, text: str, holes: Holes) -> None:
        self._text = text
        self._holes = holes
        self._at = 0
        self._blocks = 0
        self._depth = 0
        self._letters = ""

    def lines(self, *, is_block: bool) -> tuple[Node, ...]:
        """Lines, to the end of the text or of the block."""
        found: list[Node] = []
        while True:
            self._skip(_SPACE)
            if self._at >= len(self._text):
                if is_block:
                    raise NotUnderstoodError("(")
                return tuple(found)
            if is_block and self._text[self._at] == ")":
                self._at += 1
                return tuple(found)
            found += self._line()

    def _line(self) -> list[Node]:
        if match := self._take(re.compile(r":([^\r\n]*)")):
            if self._blocks:
                raise NotUnderstoodError(match[0])
            name = re.match(r"\s*([^\s:+&|<>]+)", match[1])
            return [Label(name[1].casefold())] if name and not match[1].startswith(":") else []
        node = self._sequence()
        self._skip(_BLANK)
        if self._at < len(self._text) and self._text[self._at] not in "\r\n" and not self._is_end_of_block():
            raise NotUnderstoodError(self._rest())
        return [node]

    def _is_end_of_block(self) -> bool:
        return self._blocks > 0 and self._text[self._at] == ")"

    def _sequence(self) -> Node:
        """Commands with `&` between them, the loosest of the joins."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise NotUnderstoodError("a line that nests so deep")
        node = self._joined("||")
        while self._joins("&"):
            self._skip(_BLANK)
            if self._at >= len(self._text) or self._text[self._at] in "\r\n" or self._is_end_of_block():
                break
            node = Joined("&", node, self._joined("||"))
        self._depth -= 1
        return node

    def _joined(self, operator: Literal["||", "&&", "|"]) -> Node:
        tighter: dict[str, Literal["&&", "|"]] = {"||": "&&", "&&": "|"}
        inner = tighter.get(operator)
        node = self._command() if inner is None else self._joined(inner)
        while self._joins(operator):
            self._skip(_BLANK)
            node = Joined(operator, node, self._command() if inner is None else self._joined(inner))
        return node

    def _joins(self, operator: str) -> bool:
        """Whether that operator comes next, and no longer one; it is taken."""
        self._skip(_BLANK)
        match = re.compile(r"&&?|\|\|?").match(self._text, self._at)
        if match is None or match[0] != operator:
            return False
        self._at = match.end()
        return True

    def _command(self) -> Node:
        self._skip(re.compile(r"[\s,;=@]*") if self._blocks else re.compile(r"[ \t,;=@]*"))
        if self._text.startswith("(", self._at):
            return self._block()
        word = _WORD.match(self._text, self._at)
        if word is None:
            return self._simple()
        self._at = word.end()
        match word[1].casefold():
            case "if":
                return self._if()
            case "for":
                return self._for()
        self._skip(re.compile(r"[^\r\n]*"))
        return Simple("rem", "")

    def _block(self) -> Node:
        self._at += 1
        self._blocks += 1
        lines = self.lines(is_block=True)
        self._blocks -= 1
        if not lines:
            raise NotUnderstoodError(")")
        targets, source = dict(STREAMS), ""
        while match := self._take(re.compile(r"[ \t]*(?:" + _REDIRECTION.pattern + ")", re.IGNORECASE)):
            source = self._redirect(targets, match) or source
        return Group(lines, Redirections(targets, source))

    def _if(self) -> Node:
        match = self._take(_IF)
        if match is None:
            raise NotUnderstoodError(f"if{self._rest()}")
        then = self._sequence()
        self._skip(_BLANK)
        otherwise = None
        if self._take(re.compile(r"else(?=[\s(])", re.IGNORECASE)):
            otherwise = self._sequence()
        question = (match["word"] or match["equal"] or match["compare"]).casefold()
        left, right = self._loops(match["operand"] or match["left"]), self._loops(match["right"] or "")
        return If(question, left, right, bool(match["not"]), bool(match["case"]), then, otherwise)

    def _for(self) -> Node:
        match = self._take(_FOR)
        if match is None:
            raise NotUnderstoodError(f"for{self._rest()}")
        options = (match["options"] or "").strip()[1:-1]
        source = self._loops(match["source"])
        kind, before = (match["kind"] or "").casefold(), self._letters
        if options and kind != "f":
            raise NotUnderstoodError(options)
        letters = "".join(chr(ord(match["letter"]) + number) for number in range(_tokens(options)))
        self._letters += letters
        self._skip(_BLANK)
        body = self._sequence()
        self._letters = before
        return For(kind, options, letters, source, body)

    def _simple(self) -> Node:
        """One command, to the end of its line, its block, or the operator behind it."""
        text, targets, source, quoted = "", dict(STREAMS), "", False
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in "\r\n" or (not quoted and (char in "&|" or self._is_end_of_block())):
                break
            if not quoted and (match := _REDIRECTION.match(self._text, self._at)):
                source = self._redirect(targets, match) or source
                self._at = match.end()
                continue
            if not quoted and char in "<>":
                raise NotUnderstoodError(self._rest())
            if not quoted and char == "^":
                self._at += 2 if self._text[self._at + 1 : self._at + 2] != "\r" else 3
                text += self._text[self._at - 1 : self._at].strip("\n")
                continue
            quoted ^= char == '"'
            text, self._at = text + char, self._at + 1
        return _command(self._loops(text), Redirections(targets, source), self._rest())

    def _redirect(self, targets: dict[StreamName, Target], match: re.Match[str]) -> str:
        """Note where a stream goes; the file that input comes from, or nothing."""
        if match["input"]:
            return self._loops(match["input"].strip('"'))
        stream: StreamName = "stderr" if match["source"] == "2" else "stdout"
        if match["into"]:
            targets[stream] = targets["stderr" if match["into"] == "2" else "stdout"]
            return ""
        path = self._loops(match["path"].strip('"'))
        targets[stream] = "nul" if path.casefold() == "nul" else File(path, is_appended=match["arrow"] == ">>")
        return ""

    def _loops(self, text: str) -> str:
        """A text with the variables of the loops around it as holes."""
        if not self._letters or "%" not in text:
            return text

        def hole(match: re.Match[str]) -> str:
            modifiers = match[1] or ""
            if not set(modifiers[1:].casefold()) <= set("fdpnx"):
                raise NotUnderstoodError(match[0])
            return self._holes.make(Hole("loop", match[2], modifiers))

        return re.sub(rf"%(~[a-z]*?)?([{re.escape(self._letters)}])", hole, text, flags=re.ASCII)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return match

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _rest(self) -> str:
        return self._text[self._at :].split("\n", 1)[0].strip()[:80]


def _command(text: str, redirections: Redirections, rest: str) -> Simple:
    text = text.lstrip(" \t,;=@")
    match = re.match(r'"([^"]*)"|[^\s,;="/]+', text)
    if match is None or not match[0].strip('"'):
        raise NotUnderstoodError(text or rest or "&")
    name, arguments = match[0].strip('"'), text[match.end() :]
    # `echo.text` and `cd\folder` are one word, but two things.
    if glued := re.fullmatch(r"(?i)(echo|cd|chdir|exit)([.\\:(+].*)", name, re.DOTALL):
        name, arguments = glued[1], glued[2] + arguments
    return Simple(name, arguments, redirections)


def _tokens(options: str) -> int:
    """How many variables `tokens=` gives values to."""
    return len(tokens_of(options)) or 1


def tokens_of(options: str) -> list[int | Literal["*"]]:
    """What `tokens=1,3-5*` asks for: numbers, and `*` for all that is left."""
    match = re.search(r"tokens=([\d,*-]+)", options, re.IGNORECASE)
    if match is None:
        return [1]
    found: list[int | Literal["*"]] = []
    for part in match[1].rstrip("*").split(","):
        first, _, last = part.partition("-")
        if first:
            found += range(int(first), min(int(last or first), int(first) + 30) + 1)
    return [*found, "*"] if match[1].endswith("*") else found
