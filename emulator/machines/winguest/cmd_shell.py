"""Play cmd.exe: plan a line or a batch file whole, then run it, or refuse it.

A plan is an action for every command in it, made before the first one runs. What is not known by then is a hole in
its arguments (see `holes`), never a command, an operator or a switch.
"""

import datetime
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from emulator.machines.winguest import cmd_expand, cmd_line, drive, holes
from emulator.machines.winguest.cmd_expand import Scope
from emulator.machines.winguest.cmd_tree import For, Group, If, Joined, Label, Node, Simple
from emulator.machines.winguest.console import Console, Kept
from emulator.machines.winguest.engine import Session
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.holes import Hole

if TYPE_CHECKING:
    from emulator.machines.winguest.cmd_batch import Batch

MAX_NESTING = 8
"""How deep `cmd /c cmd /c …` is followed."""
QUIET = (
    "echo",
    "rem",
    "set",
    "cd",
    "chdir",
    "rd",
    "rmdir",
    "pushd",
    "popd",
    "title",
    "setlocal",
    "endlocal",
    "shift",
)
"""Commands that leave ERRORLEVEL as it is where they succeed."""


class EndOfLine(BaseException):  # no error
    """`exit`: cmd.exe ends, and what follows does not run."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


@dataclass(slots=True)
class State:
    """What commands of one cmd.exe share, and a line's holes are filled from.

    Attributes:
        errorlevel: the last exit code that counts.
        began: the variables as they were when the line began, by their names in upper case; a set for each cmd.exe.
        loops: the variables of the loops that run.
        arguments: a batch file's words.
        fills: what PowerShell hands over.
        stack: variables and folders that `setlocal` and `pushd` keep.
        calls: how deep batch files and labels are called.
    """

    errorlevel: int = 0
    began: dict[int, dict[str, str]] = field(default_factory=dict)
    loops: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    stack: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    calls: int = 0
    is_echo_on: bool = True


@dataclass(slots=True)
class Shell:
    """One cmd.exe: its variables and folder, its console, what is known of its line, and how deep it is in others.

    Attributes:
        is_first: whether nothing runs between the check of what is planned and its course.
    """

    session: Session
    console: Console
    scope: Scope
    state: State = field(default_factory=State)
    depth: int = 0
    batch: "Batch | None" = None
    is_alone: bool = False
    is_first: bool = False

    def print(self, text: str, stream: str = "stdout") -> None:
        """Write a text."""
        self.console.write(stream, text.encode(self.console.encoding, "replace"))

    def fill(self, text: str) -> str:
        """A text with its holes filled."""
        return self.scope.holes.fill(text, self._value)

    def _value(self, hole: Hole) -> str:
        match hole.kind:
            case "loop":
                return holes.modified(self.state.loops.get(hole.name, ""), hole.modifiers, self.at)
            case "argument" if hole.modifiers == "powershell":
                return self.state.fills[int(hole.name)] if int(hole.name) < len(self.state.fills) else ""
            case "argument":
                words = self.state.arguments
                given = words[1:] if hole.name == "*" else words[int(hole.name) : int(hole.name) + 1]
                return holes.modified(" ".join(given), hole.modifiers, self.at)
            case "delayed":
                value = self.session.variable(hole.name)
                return holes.sliced(self._computed(hole.name) if value is None else value, hole.modifiers)
        value = self.state.began.get(hole.level, {}).get(hole.name)
        return holes.sliced(self._computed(hole.name) if value is None else value, hole.modifiers)

    def _computed(self, name: str) -> str:
        now = datetime.datetime.now(datetime.UTC)
        found = {
            "CD": self.session.directory,
            "DATE": now.strftime("%a %m/%d/%Y"),
            "TIME": now.strftime("%H:%M:%S.%f")[:11],
            "RANDOM": str(secrets.randbelow(32768)),
            "ERRORLEVEL": str(self.state.errorlevel),
        }
        return found.get(name, "")

    def begin(self) -> None:
        """A line begins: what its variables are now, they are in all of it."""
        found = {name.upper(): value for name, value in self.session.environment.items()}
        found.setdefault("CD", self.session.directory)
        found.setdefault("ERRORLEVEL", str(self.state.errorlevel))
        self.state.began[self.depth] = found

    def at(self, path: str) -> str:
        """The absolute path that a word means."""
        return self.session.computer.drive.resolve(path.replace('"', ""), self.session.directory)

    @property
    def inner(self) -> "Shell":
        """A cmd.exe within this one, with variables of its own."""
        session = replace(self.session, environment=dict(self.session.environment))
        state = replace(self.state, stack=[], loops=dict(self.state.loops), began=dict(self.state.began))
        return Shell(session, self.console, self.scope, state, self.depth + 1)

    def through(self, console: Console) -> "Shell":
        """The same cmd.exe on another console."""
        return replace(self, console=console)


Action = Callable[[Shell], Awaitable[int]]
"""A command that was understood and has not run; its exit code."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A line that was understood, and the scope in which it was."""

    action: Action
    scope: Scope


def scope_of(session: Session, changing: frozenset[str] | None = frozenset()) -> Scope:
    """What is known of a session's variables."""
    return Scope({name.upper(): value for name, value in session.environment.items()}, changing)


async def run_line(session: Session, console: Console, line: str) -> int:
    """Run a line as `cmd /c` does, or refuse it; its exit code."""
    shell = Shell(replace(session, environment=dict(session.environment)), console, scope_of(session), is_alone=True)
    try:
        action = plan(shell, line)
    except NotUnderstoodError as error:
        shell.print(unrecognized(str(error)), "stderr")
        return 1
    with session.computer.processes.running("cmd.exe", session.pid) as pid:
        shell.session.pid = pid
        return await _to_its_end(shell, action)


def plan_program(session: Session, line: str, changing: frozenset[str] | None) -> Planned:
    """A program's line that PowerShell starts by itself, so that no cmd.exe stands between.

    Raises:
        NotUnderstoodError: it is not played.
    """
    scope = scope_of(session, changing)
    shell = Shell(session, Kept(), scope)
    (node, *rest) = cmd_line.parse(line, scope.holes)
    if rest or not isinstance(node, Simple):
        raise NotUnderstoodError(line)
    return Planned(plan_node(shell, node), scope)


async def run_planned(session: Session, console: Console, planned: Planned, fills: tuple[str, ...] = ()) -> int:
    """Run a program's line that was planned; its exit code."""
    own = replace(session, environment=dict(session.environment))
    shell = Shell(own, console, planned.scope, State(fills=fills))
    return await _to_its_end(shell, planned.action)


async def _to_its_end(shell: Shell, action: Action) -> int:
    shell.begin()
    try:
        return await action(shell)
    except EndOfLine as end:
        return end.code
    except NotUnderstoodError as error:
        shell.print(unrecognized(str(error)), "stderr")
        return 1


def plan(shell: Shell, line: str) -> Action:
    """The commands in a line.

    Raises:
        NotUnderstoodError: one of them is not played.
    """
    if shell.depth > MAX_NESTING:
        raise NotUnderstoodError("cmd")
    if re.search(f"[{chr(holes.ARGUMENTS)}-{chr(holes.LAST)}]", line) and shell.depth == 0:
        raise NotUnderstoodError(line)
    scope = replace(shell.scope, arguments=None, is_delayed=False, level=shell.depth)
    text = cmd_expand.expand(line.lstrip().rstrip("\r\n"), scope)
    nodes = cmd_line.parse(text, scope.holes)
    if len(nodes) != 1 or isinstance(nodes[0], Label):
        raise NotUnderstoodError(line.strip())
    scope = scope.with_changing(cmd_expand.assigned(text))
    is_alone = shell.is_alone and isinstance(nodes[0], Simple)
    is_first = shell.depth == 0 and shell.batch is None and isinstance(nodes[0], If)
    return plan_node(replace(shell, scope=scope, is_alone=is_alone, is_first=is_first), nodes[0])


def plan_node(shell: Shell, node: Node) -> Action:
    """What a part of a line does.

    Raises:
        NotUnderstoodError: something in it is not played.
    """
    from emulator.machines.winguest import cmd_flow

    match node:
        case Simple():
            return _plan_simple(shell, node)
        case Group():
            return _redirected(plan_lines(shell, node.lines), node)
        case Joined(operator="|"):
            return cmd_flow.plan_pipe(shell, node)
        case Joined():
            return _plan_joined(shell, node)
        case If():
            return cmd_flow.plan_if(shell, node)
        case For():
            return cmd_flow.plan_for(shell, node)
    raise NotUnderstoodError(f":{node.name}")


def plan_lines(shell: Shell, nodes: Sequence[Node]) -> Action:
    """Lines, one after the other."""
    actions = [plan_node(shell, node) for node in nodes]

    async def run(outer: Shell) -> int:
        code = 0
        for action in actions:
            code = await action(outer)
        return code

    return run


def _plan_joined(shell: Shell, node: Joined) -> Action:
    left, right = plan_node(shell, node.left), plan_node(shell, node.right)

    async def run(outer: Shell) -> int:
        code = await left(outer)
        if (node.operator == "&&" and code != 0) or (node.operator == "||" and code == 0):
            return code
        return await right(outer)

    return run


def _plan_simple(shell: Shell, simple: Simple) -> Action:
    from emulator.machines.winguest import cmd_batch, cmd_programs, programs

    if holes.are_in(simple.name):
        raise NotUnderstoodError(shell.scope.holes.fill(simple.name, lambda hole: f"%{hole.name}%"))
    if re.search(r"\.(bat|cmd)$", simple.name, re.IGNORECASE):
        return _redirected(cmd_batch.plan(shell, simple), simple)
    name = simple.name.casefold()
    planner = cmd_programs.INTERNAL.get(name) or cmd_programs.EXTERNAL.get(programs.program_name(name))
    if planner is None:
        raise NotUnderstoodError(simple.name)
    return _counted(_redirected(planner(shell, simple.arguments), simple), is_quiet=name in QUIET)


def _counted(action: Action, *, is_quiet: bool) -> Action:
    async def run(shell: Shell) -> int:
        code = await action(shell)
        if code or not is_quiet:
            shell.state.errorlevel = code
        await shell.console.drained()
        return code

    return run


def _redirected(action: Action, node: Simple | Group) -> Action:
    from emulator.machines.winguest.cmd_streams import Routed

    async def run(shell: Shell) -> int:
        try:
            return await action(shell.through(Routed(shell, node.redirections)))
        except drive.DriveError as error:
            shell.print(f"{error}\r\n", "stderr")
            return error.code

    return run


def unrecognized(name: str) -> str:
    """What cmd.exe says to a command that it does not know."""
    return f"'{name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
