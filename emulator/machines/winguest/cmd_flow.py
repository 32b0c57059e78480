"""cmd.exe's `if`, `for` and `|`."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from emulator.machines.winguest import cmd_batch, cmd_line, cmd_shell, holes
from emulator.machines.winguest.cmd_shell import Action, EndOfLine, Shell
from emulator.machines.winguest.cmd_streams import Piped, Reading
from emulator.machines.winguest.cmd_tree import For, If, Joined, Node
from emulator.machines.winguest.console import Kept
from emulator.machines.winguest.drive import IN_USE, DriveError, decoded
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.operators import wildcard

MAX_ROUNDS = 1_000_000
SYNTAX_ERROR = 255
"""What a batch file ends with where a comparison has nothing on one side."""
_COMPARISONS: Mapping[str, Callable[[int], bool]] = {
    "==": lambda order: order == 0,
    "equ": lambda order: order == 0,
    "neq": lambda order: order != 0,
    "lss": lambda order: order < 0,
    "leq": lambda order: order <= 0,
    "gtr": lambda order: order > 0,
    "geq": lambda order: order >= 0,
}


def plan_if(shell: Shell, node: If) -> Action:
    """`if`.

    Raises:
        NotUnderstoodError: something in it is not played.
    """
    known = shell.is_first and node.question == "exist" and not holes.are_in(node.left)
    held = _exists(shell, node.left) != node.is_negated if known else None
    inner = replace(shell, is_first=False)
    then = _plan_branch(inner, node.then, node.left if held is False else "")
    otherwise = None if node.otherwise is None else _plan_branch(inner, node.otherwise, node.left if held else "")
    if node.question == "errorlevel" and not re.fullmatch(r"-?\d{1,9}", node.left):
        raise NotUnderstoodError(f"if errorlevel {node.left}")

    async def run(outer: Shell) -> int:
        if _holds(outer, node) != node.is_negated:
            return await then(outer)
        return 0 if otherwise is None else await otherwise(outer)

    return run


def _plan_branch(shell: Shell, node: Node, absent: str) -> Action:
    """A branch of an `if`; `absent` is the script that it may name although it is not there: it is passed by then.

    Raises:
        NotUnderstoodError: something in it is not played.
    """
    try:
        return cmd_shell.plan_node(shell, node)
    except NotUnderstoodError as error:
        if not absent or shell.at(str(error)).casefold() != shell.at(absent).casefold():
            raise
    return _in_use


async def _in_use(shell: Shell) -> int:
    """The file has come since the check, which nothing of this line can have done."""
    shell.print(f"{IN_USE}\r\n", "stderr")
    return 1


def _holds(shell: Shell, node: If) -> bool:
    left = shell.fill(node.left)
    match node.question:
        case "exist":
            return _exists(shell, left)
        case "defined":
            return shell.session.variable(left) is not None
        case "errorlevel":
            return shell.state.errorlevel >= int(left)
    right = shell.fill(node.right)
    for operand, rest in ((left, f"{node.question}{right}"), (right, "")):
        if not operand.strip():
            # A variable that is empty leaves half a comparison, which ends the batch file.
            shell.print(f"{rest} was unexpected at this time.\r\n".lstrip(), "stderr")
            raise EndOfLine(SYNTAX_ERROR)
    return _COMPARISONS[node.question](_order(left, right, node))


def _order(left: str, right: str, node: If) -> int:
    if node.question != "==" and all(re.fullmatch(r"-?(\d+|0x[0-9a-fA-F]+)", each) for each in (left, right)):
        one, other = int(left, 0 if "x" in left else 10), int(right, 0 if "x" in right else 10)
        return (one > other) - (one < other)
    if node.ignores_case:
        left, right = left.casefold(), right.casefold()
    return (left > right) - (left < right)


def _exists(shell: Shell, path: str) -> bool:
    drive, at = shell.session.computer.drive, shell.at(path)
    folder, _, pattern = at.rpartition("\\")
    if not re.search(r"[*?]", pattern):
        return pattern.casefold() == "nul" or drive.find(at) is not None
    return drive.folder(folder) is not None and any(
        wildcard(pattern).fullmatch(each.name) for each in drive.entries(folder)
    )


def plan_for(shell: Shell, node: For) -> Action:
    """`for`.

    Raises:
        NotUnderstoodError: something in it is not played.
    """
    body = cmd_shell.plan_node(shell, node.body)
    values = _KINDS[node.kind](shell, node)

    async def run(outer: Shell) -> int:
        code, before = 0, dict(outer.state.loops)
        try:
            async for given in values(outer):
                for letter, value in zip(node.letters, given, strict=False):
                    outer.state.loops[letter] = value
                code = await body(outer)
                # A loop that waits for nothing must not keep everybody else from running.
                await asyncio.sleep(0)
        finally:
            outer.state.loops.clear()
            outer.state.loops.update(before)
        return code

    return run


Rounds = Callable[[Shell], AsyncIterator[tuple[str, ...]]]


def _words(shell: Shell, source: str) -> list[str]:
    return re.findall(r'"[^"]*"|[^\s,;="]+', shell.fill(source))


def _each(_: Shell, node: For) -> Rounds:
    """Words, and the files that those with wildcards mean; with `/d` the folders."""

    async def rounds(shell: Shell) -> AsyncIterator[tuple[str, ...]]:
        for word in _words(shell, node.source):
            for found in _matching(shell, word, is_folder=node.kind == "d"):
                yield (found,)

    return rounds


def _matching(shell: Shell, word: str, *, is_folder: bool) -> Iterator[str]:
    bare = word.replace('"', "")
    if not re.search(r"[*?]", bare):
        yield word
        return
    drive = shell.session.computer.drive
    shown = re.sub(r"[^\\/]*$", "", bare)
    folder, _, pattern = shell.at(bare).rpartition("\\")
    for entry in drive.entries(folder) if drive.folder(folder) else []:
        if entry.is_dir() == is_folder and wildcard(pattern).fullmatch(entry.name):
            yield f"{shown}{entry.name}"


def _count(_: Shell, node: For) -> Rounds:
    """`for /l %i in (start,step,end)`."""

    async def rounds(shell: Shell) -> AsyncIterator[tuple[str, ...]]:
        words = [int(word) if re.fullmatch(r"-?\d{1,9}", word) else 0 for word in _words(shell, node.source)]
        start, step, end = (*words, 0, 0, 0)[:3]
        for number in range(MAX_ROUNDS):
            at = start + number * step
            if (at > end) if step >= 0 else (at < end):
                return
            yield (str(at),)

    return rounds


_OPTIONS = re.compile(
    r"\s*(?:(?:(?P<usebackq>usebackq)|skip=(?P<skip>\d{1,6})|eol=(?P<eol>.)|tokens=(?P<tokens>[\d,*-]+))(?=\s|$)"
    r"|delims=(?P<delims>.*?)(?=\s+(?:usebackq|skip=|eol=|tokens=)|$))",
    re.IGNORECASE,
)


def _options(text: str) -> dict[str, str]:
    """The options of `for /f`.

    Raises:
        NotUnderstoodError: one of them is none that is played.
    """
    found: dict[str, str] = {}
    at = 0
    while match := _OPTIONS.match(text, at) if text[at:].strip() else None:
        found |= {name: value for name, value in match.groupdict().items() if value is not None}
        at = match.end()
    if text[at:].strip() or holes.are_in(text):
        raise NotUnderstoodError(text)
    return found


def _lines(shell: Shell, node: For) -> Rounds:
    """`for /f`: the words of a text's lines; of a string, of files, or of what a command writes."""
    options = _options(node.options)
    quotes = ("'", "`", '"') if "usebackq" in options else ('"', "'", "")
    text, command, _ = quotes
    source = node.source.strip()
    planned = None
    if len(source) > 1 and source[0] == source[-1] == command:
        planned = cmd_shell.plan(shell.inner, source[1:-1])

    async def rounds(outer: Shell) -> AsyncIterator[tuple[str, ...]]:
        if planned is not None:
            found = await _output(outer, planned)
        elif len(source) > 1 and source[0] == source[-1] == text:
            found = outer.fill(source[1:-1])
        else:
            found = "".join(_contents(outer, source))
        for line in found.splitlines()[int(options.get("skip", 0)) :]:
            if words := _split(line, options, cmd_line.tokens_of(node.options)):
                yield words

    return rounds


async def _output(shell: Shell, planned: Action) -> str:
    kept = Kept()
    inner = shell.inner.through(kept)
    with shell.session.computer.processes.running("cmd.exe", shell.session.pid) as pid:
        inner.session.pid = pid
        inner.begin()
        with contextlib.suppress(EndOfLine):
            await planned(inner)
    if kept.written["stderr"]:
        shell.console.write("stderr", bytes(kept.written["stderr"]))
    return kept.text("stdout")


def _contents(shell: Shell, source: str) -> Iterator[str]:
    """The files' texts; one that is not there ends the loop with what Windows says."""
    drive = shell.session.computer.drive
    for word in _words(shell, source):
        try:
            yield decoded(drive.read(shell.at(word)))
        except DriveError:
            name = word.replace('"', "")
            shell.print(f"The system cannot find the file {name}.\r\n", "stderr")
            shell.state.errorlevel = 1


def _split(line: str, options: Mapping[str, str], wanted: Sequence[int | str]) -> tuple[str, ...]:
    """The words of a line that are asked for; nothing where there is no line, or it is a comment."""
    delims = options.get("delims", " \t")
    if not line.strip(delims) or line.startswith(options.get("eol", ";")):
        return ()
    found, rest, taken, word = list[str](), line, 0, ""
    for number in wanted:
        if number == "*":
            found.append(rest.lstrip(delims) if delims else rest)
            continue
        while taken < int(number):
            word, rest = _first(rest, delims)
            taken += 1
        found.append(word)
    return tuple(found)


def _first(text: str, delims: str) -> tuple[str, str]:
    text = text.lstrip(delims) if delims else text
    match = re.match(rf"[^{re.escape(delims)}]*" if delims else r".*", text, re.DOTALL)
    word = match[0] if match else ""
    return word, text[len(word) + 1 :]


_KINDS: Mapping[str, Callable[[Shell, For], Rounds]] = {"": _each, "d": _each, "l": _count, "f": _lines}


def plan_pipe(shell: Shell, node: Joined) -> Action:
    """`a | b`: each in a cmd.exe of its own, at the same time.

    Raises:
        NotUnderstoodError: something in it is not played.
    """
    alone = replace(shell, is_alone=False)
    left, right = cmd_shell.plan_node(alone, node.left), cmd_shell.plan_node(alone, node.right)

    async def run(outer: Shell) -> int:
        pipe = Piped(outer.console)
        async with asyncio.TaskGroup() as group:
            writing = group.create_task(_end_of(left, outer.inner.through(pipe)))
            writing.add_done_callback(lambda _: pipe.end())
            code = await _end_of(right, outer.inner.through(Reading(outer.console, pipe)))
            pipe.forget()
        outer.state.errorlevel = code
        return code

    return run


async def _end_of(action: Action, shell: Shell) -> int:
    """Run one side of a pipe; whatever ends it, ends only that side."""
    try:
        return await action(shell)
    except (EndOfLine, cmd_batch.EndOfBatch) as end:
        return end.code
    except cmd_batch.GotoSignal:
        return 0
