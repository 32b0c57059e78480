"""Run a script that was understood: statements, scopes, errors, and what flows through pipelines."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from emulator.machines.winguest.computer import Computer
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.tree import (
    Block,
    Flow,
    ForEach,
    Function,
    If,
    Loop,
    Pipeline,
    Statement,
    Switch,
    Try,
)
from emulator.machines.winguest.values import Thing, Value, collected, is_true, items, to_text
from emulator.machines.winguest.vetted import Vetted

MAX_CALLS = 100
"""How deep functions and script blocks may call one another; Windows says so much later, and Python much sooner."""


class Streams(Protocol):
    """Where a script writes."""

    def output(self, value: Value) -> None:
        """An object of the pipeline."""

    def error(self, error: PowerShellError) -> None:
        """An error that did not end the script."""

    def message(self, kind: str, text: str) -> None:
        """A line for `warning`, `verbose`, `debug` or `information`, or one of a native program's `stderr`."""

    def host(self, text: str, *, ends_line: bool) -> None:
        """Something for the person at the console."""

    def progress(self, activity: str, status: str, percent: int) -> None:
        """How far it is."""

    async def drained(self) -> None:
        """Wait until there is room for more."""

    async def ask(self, method: str, arguments: list[Value]) -> Value:
        """Ask the client's host something; raises PowerShellError where nobody is there."""

    def standard_input(self) -> AsyncIterator[bytes]:
        """What the client sends to the process."""


class ExitSignal(BaseException):  # no error
    """`exit`."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


class ReturnSignal(BaseException):
    """`return`."""


class LoopSignal(BaseException):
    """`break`, or `continue`."""

    def __init__(self, *, goes_on: bool) -> None:
        self.goes_on = goes_on
        super().__init__(goes_on)


Emit = Callable[[Value], None]


@dataclass(slots=True)
class Scope:
    """Variables and functions, and the scope around them."""

    outer: "Scope | None" = None
    variables: dict[str, Value] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)

    def holder(self, name: str) -> "Scope | None":
        """The innermost scope that has that variable."""
        scope: Scope | None = self
        while scope is not None and name not in scope.variables:
            scope = scope.outer
        return scope

    def function(self, name: str) -> Function | None:
        """The innermost function of that name."""
        scope: Scope | None = self
        while scope is not None:
            if name.casefold() in scope.functions:
                return scope.functions[name.casefold()]
            scope = scope.outer
        return None

    @property
    def top(self) -> "Scope":
        """The global scope."""
        return self if self.outer is None else self.outer.top


@dataclass(slots=True)
class Session:
    """What outlives one script: a runspace.

    Attributes:
        computer: the machine.
        environment: the process's variables by name, as written.
        directory: the current folder, or registry key.
        scope: the global one.
        pid: the process.
        history: scripts that a client wanted remembered.
        vetted: what its scripts may run.
    """

    computer: Computer
    environment: dict[str, str]
    directory: str
    scope: Scope = field(default_factory=Scope)
    pid: int = 880
    history: list[str] = field(default_factory=list)
    vetted: Vetted = field(default_factory=Vetted)

    def variable(self, name: str) -> str | None:
        """An environment variable's value; names are compared without case."""
        return next((value for key, value in self.environment.items() if key.casefold() == name.casefold()), None)

    def assign(self, name: str, value: str) -> None:
        """Set an environment variable, or remove it with an empty value."""
        key = next((key for key in self.environment if key.casefold() == name.casefold()), name)
        self.environment.pop(key, None)
        if value:
            self.environment[key] = value


class Engine:
    """One script's run in a session."""

    def __init__(self, session: Session, streams: Streams) -> None:
        from emulator.machines.winguest.evaluator import Evaluator

        self.session = session
        self.streams = streams
        self.scope = session.scope
        self.evaluator: Evaluator = Evaluator(self)
        self.has_failed = False
        self.last_succeeded = True
        self._tries = 0
        self._calls = 0

    # Scopes and variables

    @contextmanager
    def within(self, variables: dict[str, Value] | None = None, *, is_new: bool = True) -> Iterator[None]:
        """A scope of its own around the block, unless it is dot-sourced."""
        if self._calls >= MAX_CALLS:
            raise PowerShellError(
                "The script failed due to call depth overflow.",
                "CallDepthOverflow",
                "InvalidOperation",
                is_thrown=True,
            )
        outer = self.scope
        if is_new:
            self.scope = Scope(outer)
        self.scope.variables.update(variables or {})
        self._calls += 1
        try:
            yield
        finally:
            self.scope = outer
            self._calls -= 1

    def preference(self, name: str, default: str) -> str:
        """A preference variable's value, in lower case."""
        holder = self.scope.holder(name.casefold())
        value = default if holder is None else to_text(holder.variables[name.casefold()])
        return value.casefold()

    # Errors

    def report(self, error: PowerShellError, action: str = "") -> None:
        """Write an error that does not end the script; raises it where it must.

        `action` is the command's own ErrorAction.
        """
        action = action or self.preference("ErrorActionPreference", "continue")
        self._remember(error)
        self.last_succeeded = False
        if action == "stop":
            error.is_thrown = True
            raise error
        if action not in ("silentlycontinue", "ignore"):
            self.has_failed = True
            self.streams.error(error)

    def _remember(self, error: PowerShellError) -> None:
        known = self.session.scope.variables.setdefault("error", [])
        if isinstance(known, list):
            known.insert(0, error_record(error))
            del known[256:]

    # Statements

    async def run(self, block: Block, emit: Emit) -> None:
        """Run a block's statements in the current scope."""
        for statement in block.statements:
            await self.statement(statement, emit)
            await self.streams.drained()

    async def statement(self, statement: Statement, emit: Emit) -> None:
        """Run one; an error in it that nobody catches is written, and the next one runs."""
        try:
            await self._perform(statement, emit)
        except PowerShellError as error:
            if error.is_thrown or self._tries:
                raise
            self.report(error)

    async def _perform(self, statement: Statement, emit: Emit) -> None:
        match statement:
            case Pipeline():
                await self.evaluator.pipeline(statement, emit)
            case If():
                await self._if(statement, emit)
            case ForEach() | Loop():
                await self._loop(statement, emit)
            case Switch():
                await self._switch(statement, emit)
            case Try():
                await self._try(statement, emit)
            case Function():
                self.scope.functions[statement.name.casefold()] = statement
            case Flow():
                await self._flow(statement, emit)

    async def value(self, statement: Statement) -> Value:
        """What a statement writes, as one value."""
        found: list[Value] = []
        await self._perform(statement, found.append)
        return collected(found)

    async def _if(self, statement: If, emit: Emit) -> None:
        for condition, body in statement.branches:
            if is_true(await self.value(condition)):
                await self.run(body, emit)
                return
        if statement.otherwise is not None:
            await self.run(statement.otherwise, emit)

    async def _loop(self, statement: ForEach | Loop, emit: Emit) -> None:
        rounds = self._each(statement) if isinstance(statement, ForEach) else self._rounds(statement)
        async for _ in rounds:
            try:
                await self.run(statement.body, emit)
            except LoopSignal as signal:
                if not signal.goes_on:
                    return

    async def _each(self, statement: ForEach) -> AsyncIterator[None]:
        for item in items(await self.value(statement.items)):
            self.evaluator.assign(statement.variable, item)
            yield

    async def _rounds(self, statement: Loop) -> AsyncIterator[None]:
        if statement.start is not None:
            await self.value(statement.start)
        if statement.is_tested_last:
            yield
        while await self._goes_on(statement):
            yield
            # A loop that waits for nothing must not keep everybody else from running.
            await self.evaluator.breathe()
            if statement.step is not None:
                await self.value(statement.step)

    async def _goes_on(self, statement: Loop) -> bool:
        if statement.condition is None:
            return True
        return is_true(await self.value(statement.condition)) != statement.is_until

    async def _switch(self, statement: Switch, emit: Emit) -> None:
        from emulator.machines.winguest.operators import equals

        for value in items(await self.value(statement.value)):
            has_matched = False
            with self.within({"_": value}):
                try:
                    for condition, body in statement.clauses:
                        if condition is None:
                            if has_matched:
                                continue
                        elif not equals(value, await self.evaluator.evaluate(condition)):
                            continue
                        has_matched = True
                        await self.run(body, emit)
                except LoopSignal as signal:
                    if signal.goes_on:
                        continue
                    return

    async def _try(self, statement: Try, emit: Emit) -> None:
        try:
            self._tries += 1
            try:
                await self.run(statement.body, emit)
            finally:
                self._tries -= 1
        except PowerShellError as error:
            handler = next((body for types, body in statement.handlers if _catches(types, error)), None)
            if handler is None:
                raise
            self._remember(error)
            with self.within({"_": error_record(error)}, is_new=False):
                await self.run(handler, emit)
        finally:
            if statement.last is not None:
                await self.run(statement.last, emit)

    async def _flow(self, statement: Flow, emit: Emit) -> None:
        match statement.kind:
            case "break" | "continue":
                raise LoopSignal(goes_on=statement.kind == "continue")
            case "return":
                if statement.value is not None:
                    await self._perform(statement.value, emit)
                raise ReturnSignal
        value = None if statement.value is None else await self.value(statement.value)
        if statement.kind == "exit":
            from emulator.machines.winguest.values import to_integer

            raise ExitSignal(to_integer(value) if value is not None else 0)
        raise thrown(value)

    async def call(
        self, block: Block, emit: Emit, variables: dict[str, Value] | None = None, *, is_new: bool = True
    ) -> None:
        """Run a block in a scope of its own, until its end or a `return`."""
        with self.within(variables, is_new=is_new):
            try:
                await self.run(block, emit)
            except ReturnSignal:
                return


def thrown(value: Value) -> PowerShellError:
    """The error that `throw` raises."""
    if isinstance(value, Thing) and isinstance(value.get("TargetError"), PowerShellError):
        again: PowerShellError = value.get("TargetError")
        again.is_thrown = True
        return again
    text = "ScriptHalted" if value is None else to_text(value)
    return PowerShellError(text, text, "OperationStopped", text, is_thrown=True, thrown=value)


def error_record(error: PowerShellError) -> Thing:
    """An error as `$_` in a `catch`."""
    exception = Thing(
        (error.exception, "System.Exception"), {"Message": error.message, "HResult": error.hresult}, error.message
    )
    category = Thing(
        ("System.Management.Automation.ErrorCategoryInfo",),
        {"Category": error.category, "Activity": error.activity, "TargetName": error.target},
        f"{error.category}: ({error.target}:String) [{error.activity}], {error.exception.rpartition('.')[2]}",
    )
    return Thing(
        ("System.Management.Automation.ErrorRecord",),
        {
            "Exception": exception,
            "CategoryInfo": category,
            "FullyQualifiedErrorId": error.identity,
            "TargetObject": error.thrown if error.thrown is not None else error.target,
            "ScriptStackTrace": "at <ScriptBlock>, <No file>: line 1",
            "TargetError": error,
        },
        error.message,
    )


def _catches(types: tuple[str, ...], error: PowerShellError) -> bool:
    wanted = {name.casefold().removeprefix("system.") for name in types}
    own = error.exception.casefold().removeprefix("system.")
    return not wanted or own in wanted or bool(wanted & {"exception", "management.automation.runtimeexception"})
