"""Tokens to a tree: lists, pipelines, `if`, `for`; anything else is not understood."""

import re

from emulator.machines.builtin.lexer import Token, tokens
from emulator.machines.builtin.tree import (
    Chain,
    For,
    If,
    NotUnderstoodError,
    Part,
    Pipeline,
    Redirection,
    Script,
    Simple,
    Word,
)

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
REDIRECTIONS = {">", ">>", "<", ">&"}
ENDS = {"then", "else", "elif", "fi", "do", "done", "}"}
UNKNOWN = {"while", "until", "case", "esac", "select", "function", "time", "[[", "{", "}", "coproc"}
SEPARATORS = {";", "\n"}
MAX_DEPTH = 50


def parse(script: str) -> Script:
    """The tree of a script.

    Raises:
        NotUnderstoodError: it has something that this guest does not know.
    """
    parser = _Parser(tokens(script))
    tree = parser.script(0)
    if not parser.is_done():
        raise NotUnderstoodError(f"{parser.shown()} here")
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._at = 0

    def is_done(self) -> bool:
        return self._at >= len(self._tokens)

    def shown(self) -> str:
        if self.is_done():
            return "the end"
        token = self._tokens[self._at]
        return repr(token.operator or (token.word.literal if token.word else "") or "a word")

    def _operator(self) -> str:
        return "" if self.is_done() else self._tokens[self._at].operator

    def _keyword(self) -> str:
        return "" if self.is_done() else self._tokens[self._at].bare or ""

    def _expect(self, keyword: str) -> None:
        if self._keyword() != keyword:
            raise NotUnderstoodError(f"{self.shown()} where {keyword!r} should be")
        self._at += 1

    def _skip_separators(self) -> None:
        while self._operator() in SEPARATORS:
            self._at += 1

    def script(self, depth: int) -> Script:
        if depth > MAX_DEPTH:
            raise NotUnderstoodError("so deep a nesting")
        chains = []
        self._skip_separators()
        while not self.is_done() and self._keyword() not in ENDS:
            chains.append(self._chain(depth))
            if self.is_done() or self._operator() not in SEPARATORS:
                break
            self._skip_separators()
        return Script(tuple(chains))

    def _chain(self, depth: int) -> Chain:
        links = [("", self._pipeline(depth))]
        while self._operator() in {"&&", "||"}:
            operator = self._operator()
            self._at += 1
            while self._operator() == "\n":
                self._at += 1
            links.append((operator, self._pipeline(depth)))
        return Chain(tuple(links))

    def _pipeline(self, depth: int) -> Pipeline:
        negated = self._keyword() == "!"
        self._at += negated
        commands = [self._command(depth)]
        while self._operator() == "|":
            self._at += 1
            while self._operator() == "\n":
                self._at += 1
            commands.append(self._command(depth))
        return Pipeline(tuple(commands), negated)

    def _command(self, depth: int) -> Simple | If | For:
        keyword = self._keyword()
        if keyword in UNKNOWN:
            raise NotUnderstoodError(repr(keyword))
        if keyword == "if":
            return self._if(depth)
        if keyword == "for":
            return self._for(depth)
        return self._simple()

    def _if(self, depth: int) -> If:
        branches = []
        otherwise = None
        while self._keyword() in {"if", "elif"}:
            self._at += 1
            condition = self.script(depth + 1)
            self._expect("then")
            branches.append((condition, self.script(depth + 1)))
        if self._keyword() == "else":
            self._at += 1
            otherwise = self.script(depth + 1)
        self._expect("fi")
        return If(tuple(branches), otherwise)

    def _for(self, depth: int) -> For:
        self._at += 1
        name = self._keyword()
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise NotUnderstoodError(f"{self.shown()} as a variable's name")
        self._at += 1
        self._expect("in")
        words = []
        while not self.is_done() and (word := self._tokens[self._at].word) is not None:
            words.append(word)
            self._at += 1
        self._skip_separators()
        self._expect("do")
        body = self.script(depth + 1)
        self._expect("done")
        return For(name, tuple(words), body)

    def _simple(self) -> Simple:
        assignments: list[tuple[str, Word]] = []
        words: list[Word] = []
        redirections: list[Redirection] = []
        while not self.is_done():
            token = self._tokens[self._at]
            if token.operator in REDIRECTIONS:
                redirections.append(self._redirection())
                continue
            if token.word is None:
                break
            self._at += 1
            assigned = None if words else _assignment(token.word)
            if assigned:
                assignments.append(assigned)
            else:
                words.append(token.word)
        if not (assignments or words or redirections):
            raise NotUnderstoodError(f"{self.shown()} here")
        return Simple(tuple(assignments), tuple(words), tuple(redirections))

    def _redirection(self) -> Redirection:
        token = self._tokens[self._at]
        self._at += 1
        if self.is_done() or (target := self._tokens[self._at].word) is None:
            raise NotUnderstoodError(f"{token.operator} without a target")
        self._at += 1
        descriptor = token.descriptor if token.descriptor >= 0 else int(token.operator != "<")
        allowed = {0} if token.operator == "<" else {1, 2}
        if descriptor not in allowed or (token.operator == ">&" and target.literal not in {"1", "2"}):
            raise NotUnderstoodError(f"{descriptor}{token.operator}{target.literal or '…'}")
        return Redirection(descriptor, token.operator, target)


def _assignment(word: Word) -> tuple[str, Word] | None:
    """`NAME=value`, whose name and sign are not quoted."""
    text = ""
    for index, part in enumerate(word.parts):
        if part.is_variable or part.quoted:
            return None
        text += part.text
        if ASSIGNMENT.fullmatch(text):
            return text[:-1], Word(word.parts[index + 1 :] or (Part("", quoted=True),))
    return None
