"""Programs that read text and write text: more, find, findstr, sort."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from emulator.machines.winguest.drive import decoded
from emulator.machines.winguest.errors import NotUnderstoodError

if TYPE_CHECKING:
    from emulator.machines.winguest.cmd_shell import Action, Shell


def _more(_: "Shell", arguments: str) -> "Action":
    if arguments.strip():
        raise NotUnderstoodError(f"more{arguments}")

    async def run(shell: "Shell") -> int:
        async for data in shell.console.standard_input():
            shell.console.write("stdout", data)
            await shell.console.drained()
        return 0

    return run


async def _input(shell: "Shell") -> list[str]:
    given = b"".join([data async for data in shell.console.standard_input()])
    return given.decode(shell.console.encoding, "replace").splitlines()


async def _read(shell: "Shell", paths: list[str]) -> list[str] | None:
    """The lines of the files, or of what comes in; None where a file is not there, which is said."""
    if not paths:
        return await _input(shell)
    drive = shell.session.computer.drive
    lines: list[str] = []
    for path in paths:
        found = drive.find(shell.at(path))
        if found is None or not found.is_file():
            shell.print(f"File not found - {path.upper()}\r\n", "stderr")
            return None
        lines += decoded(found.read_bytes()).splitlines()
    return lines


_FIND = re.compile(r'(?P<switches>(?:\s*/[ivcn])*)\s*"(?P<text>[^"]*)"(?P<paths>.*)', re.IGNORECASE | re.DOTALL)


def _find(_: "Shell", arguments: str) -> "Action":
    match = _FIND.fullmatch(arguments)
    if match is None:
        raise NotUnderstoodError(f"find{arguments}")
    switches = set(match["switches"].casefold().replace("/", " ").split())

    async def run(shell: "Shell") -> int:
        paths = _paths(shell, match["paths"])
        lines = await _read(shell, paths)
        if lines is None:
            return 1
        wanted = shell.fill(match["text"])
        pattern = re.compile(re.escape(wanted), re.IGNORECASE if "i" in switches else 0)
        head = "".join(f"\r\n---------- {path.upper()}" for path in paths)
        return _show(shell, lines, lambda line: pattern.search(line) is not None, switches, head)

    return run


def _paths(shell: "Shell", text: str) -> list[str]:
    return [word.replace('"', "") for word in re.findall(r'(?:"[^"]*"|[^\s"])+', shell.fill(text))]


def _show(shell: "Shell", lines: list[str], holds: Callable[[str], bool], switches: set[str], head: str = "") -> int:
    """The lines that are wanted, or their number."""
    found = [(number, line) for number, line in enumerate(lines, 1) if holds(line) != ("v" in switches)]
    if "c" in switches:
        shell.print(f"{head}: {len(found)}\r\n" if head else f"{len(found)}\r\n")
    else:
        shell.print(f"{head}\r\n" if head else "")
        shell.print("".join(f"[{number}]{line}\r\n" if "n" in switches else f"{line}\r\n" for number, line in found))
    return 0 if found else 1


_FINDSTR = re.compile(
    r"(?P<switches>(?:\s*/(?:[ivlrxbe]))*)\s*(?:/c:\"(?P<whole>[^\"]*)\"|\"(?P<words>[^\"]*)\"|(?P<word>[^\s\"/]+))"
    r"(?P<paths>.*)",
    re.IGNORECASE | re.DOTALL,
)
_SPECIAL = re.compile(r"[\\\[\]<>*^$.]")


def _findstr(_: "Shell", arguments: str) -> "Action":
    match = _FINDSTR.fullmatch(arguments)
    if match is None or re.search(r"(?:^|\s)/", match["paths"]):
        raise NotUnderstoodError(f"findstr{arguments}")
    switches = set(match["switches"].casefold().replace("/", " ").split())
    texts = [match["whole"]] if match["whole"] is not None else (match["words"] or match["word"]).split()
    if any(_SPECIAL.search(text) for text in texts) and "l" not in switches:
        raise NotUnderstoodError(f"findstr{arguments}")  # a regular expression of its own kind

    async def run(shell: "Shell") -> int:
        lines = await _read(shell, _paths(shell, match["paths"]))
        if lines is None:
            return 1
        pattern = _pattern([shell.fill(text) for text in texts], switches)
        return _show(shell, lines, lambda line: pattern.search(line) is not None, switches - {"c", "n"})

    return run


def _pattern(texts: list[str], switches: set[str]) -> re.Pattern[str]:
    start, end = ("^" if switches & {"x", "b"} else ""), ("$" if switches & {"x", "e"} else "")
    made = "|".join(f"{start}{re.escape(text)}{end}" for text in texts)
    return re.compile(made, re.IGNORECASE if "i" in switches else 0)


def _sort(_: "Shell", arguments: str) -> "Action":
    match = re.fullmatch(r"\s*(/r)?\s*([^/]*)", arguments, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise NotUnderstoodError(f"sort{arguments}")

    async def run(shell: "Shell") -> int:
        lines = await _read(shell, _paths(shell, match[2]))
        if lines is None:
            return 1
        shell.print("".join(f"{line}\r\n" for line in sorted(lines, key=str.casefold, reverse=bool(match[1]))))
        return 0

    return run


PROGRAMS: Mapping[str, Callable[["Shell", str], "Action"]] = {
    "find": _find,
    "findstr": _findstr,
    "more": _more,
    "sort": _sort,
}
