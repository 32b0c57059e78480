"""cmd.exe's `set`: variables, sums (`/a`) and questions (`/p`)."""

import contextlib
import operator
import re
from collections.abc import Callable, Mapping

from emulator.machines.winguest import holes
from emulator.machines.winguest.cmd_shell import Action, Shell
from emulator.machines.winguest.errors import NotUnderstoodError

WRONG = "The syntax of the command is incorrect.\r\n"
_OPERATORS = re.compile(r"[&|<>]")
_SUM = re.compile(r"\s*(0x[0-9a-fA-F]+|\d+|[A-Za-z_]\w*|<<|>>|[-+*/%&^|]?=|[-+*/%&^|~!(),])", re.ASCII)
_BITS = 2**32


def plan(shell: Shell, arguments: str) -> Action:
    """`set`.

    Raises:
        NotUnderstoodError: what it sets would be read as commands later, or a sum is none.
    """
    text = arguments.strip()
    if match := re.match(r"/a\s*(.*)", text, re.IGNORECASE | re.DOTALL):
        return _sum(shell, match[1])
    if match := re.match(r"/p\s+\"?([^=\"]+)=([^\"]*)\"?$", arguments.lstrip(), re.IGNORECASE | re.DOTALL):
        return _question(match[1].strip(), match[2])
    if text.startswith("/"):
        raise NotUnderstoodError(f"set {text}")
    text = text[1 : text.rindex('"')] if re.match(r'".*"', text) else arguments.lstrip()
    name, equals, value = text.partition("=")
    if shell.batch is not None and _is_read_again(shell, name, value):
        raise NotUnderstoodError(f"set {text}")

    async def run(outer: Shell) -> int:
        filled = outer.fill(name).strip()
        return _assign(outer, filled, outer.fill(value)) if equals else _list(outer, filled)

    return run


def _is_read_again(shell: Shell, name: str, value: str) -> bool:
    """Whether a value with operators in it is put into a line before that is read: it would be commands then."""
    bare = re.sub(r'"[^"]*"', "", value)
    text = "" if shell.batch is None else shell.batch.text
    return bool(_OPERATORS.search(bare)) and f"%{name.strip().casefold()}" in text.casefold()


def _assign(shell: Shell, name: str, value: str) -> int:
    if not name:
        shell.print(WRONG, "stderr")
        return 1
    shell.session.assign(name, value)
    return 0


def _list(shell: Shell, prefix: str) -> int:
    held = shell.session.environment
    names = [name for name in held if name.upper().startswith(prefix.upper())]
    if not names:
        shell.print(f"Environment variable {prefix} not defined\r\n", "stderr")
        return 1
    for name in sorted(names, key=str.upper):
        shell.print(f"{name}={held[name]}\r\n")
    return 0


def _question(name: str, prompt: str) -> Action:
    async def run(shell: Shell) -> int:
        shell.print(shell.fill(prompt))
        given = b"".join([data async for data in shell.console.standard_input()])
        line = given.decode(shell.console.encoding, "replace").splitlines()[:1]
        if not line:
            return 1
        return _assign(shell, shell.fill(name), line[0])

    return run


def _sum(shell: Shell, text: str) -> Action:
    text = text.strip().strip('"')
    # What fills a hole is a number in the sum, so the sum is one whatever it is.
    with contextlib.suppress(ZeroDivisionError):
        Sum(holes.ANY.sub("1", text), lambda _: 0).all()
    is_shown = shell.batch is None

    async def run(outer: Shell) -> int:
        filled = holes.ANY.sub(lambda match: str(_number(outer, outer.fill(match[0]))), text)
        made = Sum(filled, lambda name: _number(outer, outer.session.variable(name) or ""))
        try:
            result = made.all()
        except ZeroDivisionError:
            outer.print("Divide by zero error.\r\n", "stderr")
            return 1073750993
        for name, value in made.assigned.items():
            outer.session.assign(name, str(value))
        if is_shown:
            outer.print(str(result))
        return 0

    return run


def _number(_: Shell, text: str) -> int:
    match = re.match(r"\s*(-?)(0x[0-9a-f]+|\d+)", text, re.IGNORECASE)
    if match is None:
        return 0
    number = int(match[2], 16 if match[2][:2].casefold() == "0x" else 10)
    return -number if match[1] else number


_LEVELS: tuple[tuple[str, ...], ...] = (("|",), ("^",), ("&",), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))
_UNARY: Mapping[str, Callable[[int], int]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "!": lambda value: int(not value),
}
_BINARY: Mapping[str, Callable[[int, int], int]] = {
    "|": operator.or_,
    "^": operator.xor,
    "&": operator.and_,
    "<<": lambda left, right: left << (right & 31),
    ">>": lambda left, right: left >> (right & 31),
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: int(left / right),
    "%": lambda left, right: left - right * int(left / right),
}


class Sum:
    """An expression of `set /a`: 32-bit numbers, and variables by their bare names."""

    def __init__(self, text: str, value: Callable[[str], int]) -> None:
        self.assigned: dict[str, int] = {}
        self._value = value
        self._tokens = _SUM.findall(text)
        self._text = text
        if _SUM.sub("", text).strip() or not self._tokens:
            raise NotUnderstoodError(f"set /a {text}")
        self._at = 0

    def all(self) -> int:
        """The value of the last of its parts.

        Raises:
            NotUnderstoodError: it is no expression.
        """
        result = self._assignment()
        while self._next() == ",":
            self._at += 1
            result = self._assignment()
        if self._next():
            raise NotUnderstoodError(f"set /a {self._text}")
        return result

    def _next(self, ahead: int = 0) -> str:
        return self._tokens[self._at + ahead] if self._at + ahead < len(self._tokens) else ""

    def _assignment(self) -> int:
        name, sign = self._next(), self._next(1)
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or not sign.endswith("="):
            return self._level(0)
        self._at += 2
        value = self._assignment()
        if sign != "=":
            value = _BINARY[sign[:-1]](self._known(name), value)
        self.assigned[name] = _wrapped(value)
        return self.assigned[name]

    def _known(self, name: str) -> int:
        return self.assigned[name] if name in self.assigned else self._value(name)

    def _level(self, number: int) -> int:
        if number == len(_LEVELS):
            return self._unary()
        left = self._level(number + 1)
        while (sign := self._next()) in _LEVELS[number]:
            self._at += 1
            left = _wrapped(_BINARY[sign](left, self._level(number + 1)))
        return left

    def _unary(self) -> int:
        token = self._next()
        self._at += 1
        if token in _UNARY:
            return _UNARY[token](self._unary())
        if token == "(":  # noqa: S105  # of a sum
            inner = self._assignment()
            self._at += 1
            if self._tokens[self._at - 1 : self._at] != [")"]:
                raise NotUnderstoodError(f"set /a {self._text}")
            return inner
        if re.fullmatch(r"[A-Za-z_]\w*", token):
            return self._known(token)
        if not token or not token[0].isdigit():
            raise NotUnderstoodError(f"set /a {self._text}")
        return int(token, 16 if token[:2].casefold() == "0x" else 10)


def _wrapped(value: int) -> int:
    value %= _BITS
    return value - _BITS if value >= _BITS // 2 else value
