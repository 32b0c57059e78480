"""Batch files: every line is planned before the first one runs; labels, `goto`, `call`, `setlocal`."""

import asyncio
import re
from dataclasses import dataclass, field, replace

from emulator.machines.winguest import cmd_expand, cmd_line, cmd_shell, holes
from emulator.machines.winguest.cmd_shell import Action, EndOfLine, Shell
from emulator.machines.winguest.cmd_tree import If, Label, Simple
from emulator.machines.winguest.drive import IN_USE, decoded
from emulator.machines.winguest.errors import NotUnderstoodError

MAX_CALLS = 100
MAX_CHARACTERS = 1_000_000
_WORDS = re.compile(r'(?:"[^"]*"|[^\s,;="])+')
_OTHERS = re.compile(r"\.(bat|cmd)\b", re.IGNORECASE)
_DELAYED = re.compile(r"\bsetlocal\b[^\r\n]*\benabledelayedexpansion\b", re.IGNORECASE)
_RECURSION = "******  B A T C H   R E C U R S I O N  exceeds STACK limits ******\r\n"


class GotoSignal(BaseException):  # no error
    """`goto`."""

    def __init__(self, label: str) -> None:
        self.label = label
        super().__init__(label)


class EndOfBatch(BaseException):  # no error
    """`exit /b`, or a batch file that another one takes over from."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class Batch:
    """A batch file with given arguments, planned; its own calls lead back to it.

    Attributes:
        path: of the file.
        text: as it was read.
        arguments: its words, its path first; they may have holes.
        lines: an action a line.
        labels: the line that each is before.
        known: every batch file and label of the plan, by path and arguments.
    """

    path: str
    text: str
    arguments: tuple[str, ...]
    known: "dict[tuple[str, tuple[str, ...]], Batch]"
    lines: list[Action] = field(default_factory=list)
    labels: "dict[str, int]" = field(default_factory=dict)


def plan(shell: Shell, simple: Simple, *, is_called: bool = False) -> Action:
    """A batch file; without `call`, another one takes over from the one that names it.

    Raises:
        NotUnderstoodError: there is none of that name, or something in it is not played.
    """
    drive = shell.session.computer.drive
    found = drive.find(shell.at(simple.name))
    if found is None or not found.is_file():
        raise NotUnderstoodError(simple.name)
    path = drive.path_of(found)
    batch = planned(shell, path, decoded(found.read_bytes()), (path, *_WORDS.findall(simple.arguments)))
    takes_over = shell.batch is not None and not is_called

    async def run(outer: Shell) -> int:
        code = await call(outer, batch, 0)
        if takes_over:
            raise EndOfBatch(code)
        return code

    return run


def planned(shell: Shell, path: str, text: str, arguments: tuple[str, ...]) -> Batch:
    """A file's plan with such arguments; the same one for the same.

    Raises:
        NotUnderstoodError: something in it is not played.
    """
    known = shell.batch.known if shell.batch is not None else {}
    key = (path.casefold(), arguments)
    if key not in known:
        if len(text) > MAX_CHARACTERS or len(known) > MAX_CALLS or holes.are_in(text):
            raise NotUnderstoodError(path)
        known[key] = Batch(path, text, arguments, known)
        _plan_lines(shell, known[key])
    return known[key]


def _plan_lines(shell: Shell, batch: Batch) -> None:
    more = None if _OTHERS.search(batch.text) else cmd_expand.assigned(batch.text)
    scope = replace(shell.scope.with_changing(more), arguments=batch.arguments, level=shell.depth)
    at = _DELAYED.search(batch.text)
    split = len(batch.text) if at is None else at.start()
    text = cmd_expand.expand(batch.text[:split], replace(scope, is_delayed=False))
    scope = replace(scope, is_delayed=at is not None)
    text += cmd_expand.expand(batch.text[split:], scope)
    nodes = cmd_line.parse(text, scope.holes)
    for node in nodes:
        if isinstance(node, Label):
            batch.labels.setdefault(node.name, 0)
    inner = replace(shell, scope=scope, batch=batch, is_alone=False)
    for node in nodes:
        if isinstance(node, Label):
            batch.labels[node.name] = len(batch.lines)
        else:
            is_first = shell.batch is None and not batch.lines and isinstance(node, If)
            batch.lines.append(cmd_shell.plan_node(replace(inner, is_first=is_first), node))


async def call(shell: Shell, batch: Batch, start: int) -> int:
    """Run a batch file from a line on; its exit code."""
    state = shell.state
    if state.calls >= MAX_CALLS:
        shell.print(_RECURSION, "stderr")
        raise EndOfLine(1)
    if shell.session.computer.drive.text(batch.path) != batch.text:
        shell.print(f"{IN_USE}\r\n", "stderr")
        return 1
    before, kept = (state.arguments, state.loops, dict(state.began)), len(state.stack)
    state.arguments, state.loops, state.calls = tuple(map(shell.fill, batch.arguments)), {}, state.calls + 1
    try:
        await _lines(replace(shell, batch=batch), batch, start)
    except EndOfBatch as end:
        state.errorlevel = end.code
    finally:
        restore(shell, kept)
        (state.arguments, state.loops, state.began), state.calls = before, state.calls - 1
    return state.errorlevel


async def _lines(shell: Shell, batch: Batch, start: int) -> None:
    at = start
    while at < len(batch.lines):
        shell.begin()
        try:
            await batch.lines[at](shell)
            at += 1
        except GotoSignal as signal:
            # A loop that waits for nothing must not keep everybody else from running.
            await asyncio.sleep(0)
            at = batch.labels.get(signal.label, len(batch.lines))


def restore(shell: Shell, count: int) -> None:
    """Take back what `setlocal` kept, down to so many."""
    while len(shell.state.stack) > count:
        kind, environment, folder = shell.state.stack.pop()
        if kind == "setlocal":
            shell.session.environment.clear()
            shell.session.environment.update(environment)
        shell.session.directory = folder if kind == "setlocal" else shell.session.directory


def label_of(shell: Shell, arguments: str) -> str:
    """The label that is meant, in lower case.

    Raises:
        NotUnderstoodError: there is no batch file, or no such label in it.
    """
    match = re.match(r"\s*:?\s*([^\s:+,;=]+)", arguments)
    name = match[1].casefold() if match else ""
    if shell.batch is None or (name not in shell.batch.labels and name != "eof"):
        raise NotUnderstoodError(f":{name}")
    return name


def plan_label(shell: Shell, arguments: str) -> Action:
    """`call :label a b`.

    Raises:
        NotUnderstoodError: there is no such label.
    """
    name = label_of(shell, arguments)
    caller = shell.batch
    if caller is None or name == "eof":
        raise NotUnderstoodError(f"call{arguments}")
    words = _WORDS.findall(arguments)[1:]
    batch = planned(shell, caller.path, caller.text, (caller.arguments[0], *words))

    async def run(outer: Shell) -> int:
        return await call(outer, batch, batch.labels[name])

    return run
