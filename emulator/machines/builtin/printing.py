"""What `printf` and `echo -e` do with backslashes and percents."""

import re

ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "a": "\a", "b": "\b", "f": "\f", "v": "\v", '"': '"'}


def escaped(text: str) -> str:
    """`text` with its backslash sequences replaced."""

    def replace(found: "re.Match[str]") -> str:
        code = found[1]
        if code[0] in "01234567":
            return bytes([int(code, 8) & 0xFF]).decode("utf-8", "surrogateescape")
        if code[0] == "x":
            return bytes([int(code[1:], 16)]).decode("utf-8", "surrogateescape")
        return ESCAPES.get(code, found[0])

    return re.sub(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,4}|.)", replace, text, flags=re.DOTALL)


def formatted(template: str, arguments: list[str]) -> str:
    """What `printf` prints: the template, again as long as it takes arguments up.

    Raises:
        ValueError: a conversion other than `%s`, `%d` and `%%`, or a word that is no number.
    """
    rest = list(arguments)
    shown = []
    while True:
        before = len(rest)
        shown.append(_once(template, rest))
        if not rest or len(rest) == before:
            return "".join(shown)


def _once(template: str, rest: list[str]) -> str:
    def replace(found: "re.Match[str]") -> str:
        if found[0] == "%%":
            return "%"
        if found[1] not in {"s", "d"}:
            raise ValueError(f"'{found[0]}' is beyond the built-in guest")
        argument = rest.pop(0) if rest else ""
        return argument if found[1] == "s" else str(int(argument or "0"))

    pieces = re.split(r"(%%|%.?)", template)
    return "".join(
        replace(found) if (found := re.fullmatch(r"%(.?)", piece, re.DOTALL)) else escaped(piece) for piece in pieces
    )
