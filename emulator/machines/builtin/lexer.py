"""Cut a script into words and operators; whatever would need more than that is not understood."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from emulator.machines.builtin.tree import NotUnderstoodError, Part, Word

OPERATOR = re.compile(r"&&|\|\||;;|[;|&\n()]|([0-9])?(>>|>&|<<|<&|>|<)|&>>?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[?#]|[0-9]")
DOUBLE_ESCAPES = '$`"\\\n'


@dataclass(frozen=True, slots=True)
class Token:
    """An operator with the descriptor before it, or a word."""

    operator: str = ""
    descriptor: int = -1
    word: Word | None = None

    @property
    def bare(self) -> str | None:
        """The text of a word with nothing quoted and no variable: only such a word is a keyword."""
        if self.word is None or any(part.quoted for part in self.word.parts):
            return None
        return self.word.literal


def tokens(script: str) -> list[Token]:
    """All tokens of a script.

    Raises:
        NotUnderstoodError: something in it is beyond this guest.
    """
    return list(_Lexer(script).tokens())


class _Lexer:
    def __init__(self, script: str) -> None:
        self._script = script.replace("\r\n", "\n").replace("\\\n", "")
        self._at = 0

    def tokens(self) -> Iterator[Token]:
        while self._at < len(self._script):
            character = self._script[self._at]
            if character in " \t":
                self._at += 1
            elif character == "#":
                end = self._script.find("\n", self._at)
                self._at = len(self._script) if end < 0 else end
            elif found := OPERATOR.match(self._script, self._at):
                self._at = found.end()
                operator = found[2] or found[0]
                yield Token(operator, int(found[1]) if found[1] else -1)
            else:
                yield Token(word=self._word())

    def _word(self) -> Word:
        parts: list[Part] = []
        while self._at < len(self._script) and self._script[self._at] not in " \t\n;|&()<>":
            parts += self._piece(first=not parts)
        return Word(tuple(parts))

    def _piece(self, *, first: bool) -> list[Part]:
        character = self._script[self._at]
        if character == "'":
            return [Part(self._until("'"), quoted=True)]
        if character == '"':
            return self._double()
        if character == "$":
            return [self._variable(quoted=False)]
        self._at += 1
        if character == "\\":
            self._at += 1
            return [Part(self._script[self._at - 1 : self._at], quoted=True)]
        if character == "~" and first:
            return [Part("HOME", is_variable=True, quoted=True)]
        if character in "`*?" or (character == "[" and not self._is_test(first=first)):
            raise NotUnderstoodError(f"unquoted {character}")
        if character == "{" and not self._ends():
            raise NotUnderstoodError("braces")
        return [Part(character)]

    def _is_test(self, *, first: bool) -> bool:
        return first and self._ends()

    def _ends(self) -> bool:
        return self._at >= len(self._script) or self._script[self._at] in " \t\n;}"

    def _until(self, quote: str) -> str:
        end = self._script.find(quote, self._at + 1)
        if end < 0:
            raise NotUnderstoodError("a quote that is never closed")
        text = self._script[self._at + 1 : end]
        self._at = end + 1
        return text

    def _double(self) -> list[Part]:
        self._at += 1
        parts = [Part("", quoted=True)]
        while (character := self._script[self._at : self._at + 1]) != '"':
            if not character:
                raise NotUnderstoodError("a quote that is never closed")
            if character == "$":
                parts.append(self._variable(quoted=True))
                continue
            if character == "`":
                raise NotUnderstoodError("a command in backquotes")
            if character == "\\" and self._script[self._at + 1 : self._at + 2] in DOUBLE_ESCAPES:
                self._at += 1
            parts.append(Part(self._script[self._at : self._at + 1], quoted=True))
            self._at += 1
        self._at += 1
        return parts

    def _variable(self, *, quoted: bool) -> Part:
        self._at += 1
        braced = self._script[self._at : self._at + 1] == "{"
        found = NAME.match(self._script, self._at + braced)
        if found is None:
            if braced or self._script[self._at : self._at + 1] in {"(", "@", "*", "$", "!", "-", "'", '"'}:
                raise NotUnderstoodError(f"${self._script[self._at : self._at + 8]}")
            return Part("$", quoted=True)
        self._at = found.end()
        if braced:
            if self._script[self._at : self._at + 1] != "}":
                raise NotUnderstoodError(f"${{{found[0]}…")
            self._at += 1
        return Part(found[0], is_variable=True, quoted=quoted)
