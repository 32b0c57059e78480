"""Expressions, assignments and pipelines."""

import asyncio
import datetime
from typing import assert_never

from emulator.machines.winguest import commands, host_calls, members
from emulator.machines.winguest.engine import Emit, Engine, Scope
from emulator.machines.winguest.errors import PowerShellError
from emulator.machines.winguest.operators import BINARY, UNARY
from emulator.machines.winguest.tree import (
    Array,
    Assignment,
    Binary,
    Block,
    Call,
    Cast,
    Collected,
    Command,
    Expandable,
    Expression,
    Hash,
    Index,
    Literal,
    Member,
    Pipeline,
    TypeName,
    Unary,
    Variable,
)
from emulator.machines.winguest.values import (
    ArrayList,
    Hashtable,
    Script,
    Thing,
    Type,
    Value,
    collected,
    is_true,
    items,
    to_integer,
    to_text,
)

PS_VERSION = ("5", "1", "20348", "2400")


class Evaluator:
    """Evaluates for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def breathe(self) -> None:
        """Let everybody else run."""
        await asyncio.sleep(0)

    # Pipelines

    async def pipeline(self, statement: Pipeline, emit: Emit) -> None:
        """Run a pipeline: each command takes what the one before it wrote."""
        *before, last = statement.elements
        given: list[Value] | None = None
        for element in before:
            written: list[Value] = []
            await self._element(element, given, written.append)
            given = written
        await self._element(last, given, emit)

    async def _element(self, element: Command | Expression, given: list[Value] | None, emit: Emit) -> None:
        if isinstance(element, Command):
            await commands.run(self._engine, element, given, emit)
            return
        if isinstance(element, Assignment):
            await self._assign(element)
            return
        value = await self.evaluate(element)
        if isinstance(element, Unary) and element.operator in ("++", "--"):
            return
        self._engine.last_succeeded = True
        for item in items(value):
            emit(item)

    # Expressions

    async def evaluate(self, expression: Expression) -> Value:  # a table of kinds  # noqa: C901, PLR0911, PLR0912
        """An expression's value."""
        match expression:
            case Literal():
                return expression.value
            case Expandable():
                parts = [
                    part if isinstance(part, str) else to_text(await self.evaluate(part)) for part in expression.parts
                ]
                return "".join(parts)
            case Variable():
                return self.variable(expression.name)
            case Array():
                return [await self.evaluate(item) for item in expression.items]
            case Collected():
                return await self._collected(expression)
            case Hash():
                return await self._table(expression)
            case Block():
                return Script(expression)
            case TypeName():
                return Type.of(expression.name)
            case Cast():
                return await self._cast(expression)
            case Member():
                return await self._member(expression)
            case Call():
                return await self._call(expression)
            case Index():
                return members.indexed(await self.evaluate(expression.target), await self.evaluate(expression.index))
            case Unary():
                return await self._unary(expression)
            case Binary():
                return await self._binary(expression)
            case Assignment():
                return await self._assign(expression)
            case _:
                assert_never(expression)

    async def _collected(self, expression: Collected) -> Value:
        found: list[Value] = []
        for statement in expression.statements:
            if expression.kind == "(" and isinstance(statement, Pipeline) and len(statement.elements) == 1:
                inner = statement.elements[0]
                if not isinstance(inner, Command):
                    return await self.evaluate(inner)
            await self._engine.statement(statement, found.append)
        return found if expression.kind == "@" else collected(found)

    async def _table(self, expression: Hash) -> Hashtable:
        made = Hashtable()
        for key, value in expression.entries:
            made[await self.evaluate(key)] = await self._engine.value(value)
        return made

    async def _cast(self, expression: Cast) -> Value:
        kind = Type.of(expression.type_name)
        if isinstance(expression.value, Hash) and kind.name in ("ordered", "pscustomobject", "psobject"):
            table = await self._table(expression.value)
            if kind.name == "ordered":
                table.is_ordered = True
                return table
        return members.converted(await self.evaluate(expression.value), kind)

    async def _member(self, expression: Member) -> Value:
        name = to_text(await self.evaluate(expression.name))
        if expression.is_static:
            return members.static(await self.evaluate(expression.target), name)
        return members.read(await self.evaluate(expression.target), name)

    async def _call(self, expression: Call) -> Value:
        arguments = [await self.evaluate(argument) for argument in expression.arguments]
        target = await self.evaluate(expression.target)
        if expression.is_static:
            return await members.call_static(self._engine, target, expression.name, arguments)
        return await members.call(self._engine, target, expression.name, arguments)

    async def _unary(self, expression: Unary) -> Value:
        if expression.operator not in ("++", "--"):
            return UNARY[expression.operator](await self.evaluate(expression.operand))
        before = await self.evaluate(expression.operand)
        after = BINARY[expression.operator[0]](0 if before is None else before, 1)
        await self._store(expression.operand, after)
        return before if expression.is_postfix else after

    async def _binary(self, expression: Binary) -> Value:
        left = await self.evaluate(expression.left)
        match expression.operator:
            case "-and":
                return is_true(left) and is_true(await self.evaluate(expression.right))
            case "-or":
                return is_true(left) or is_true(await self.evaluate(expression.right))
        right = await self.evaluate(expression.right)
        if expression.operator == "-match" and not isinstance(left, list):
            return self._match(left, right)
        return BINARY[expression.operator](left, right)

    def _match(self, left: Value, right: Value) -> bool:
        """`-match`, which leaves what it found in `$Matches`."""
        from emulator.machines.winguest.operators import expression

        found = expression(right).search(to_text(left))
        if found is not None:
            groups: dict[Value, Value] = {0: found[0]}
            groups |= {number: text for number, text in enumerate(found.groups(), 1) if text is not None}
            groups |= {name: text for name, text in found.groupdict().items() if text is not None}
            table = Hashtable()
            for key, text in groups.items():
                table[key] = text
            self.assign("Matches", table)
        return found is not None

    # Variables

    def variable(self, name: str) -> Value:
        """A variable's value; null where there is none."""
        place, _, rest = name.rpartition(":")
        if place.casefold() == "env":
            return self._engine.session.variable(rest)
        folded = rest.casefold()
        if (special := self._special(folded)) is not None:
            return special[0]
        holder = self._scope(place).holder(folded)
        return None if holder is None else holder.variables[folded]

    def _special(self, name: str) -> tuple[Value] | None:  # noqa: PLR0911
        session = self._engine.session
        match name:
            case "true" | "false":
                return (name == "true",)
            case "null":
                return (None,)
            case "?":
                return (self._engine.last_succeeded,)
            case "pwd":
                return (
                    Thing(("System.Management.Automation.PathInfo",), {"Path": session.directory}, session.directory),
                )
            case "home":
                return (session.computer.drive.home,)
            case "pid":
                return (session.pid,)
            case "psversiontable":
                return (_versions(),)
        return None

    def _scope(self, place: str) -> Scope:
        return self._engine.scope.top if place.casefold() in ("global", "script") else self._engine.scope

    def assign(self, name: str, value: Value) -> None:
        """Set a variable: where its scope says, else in the current scope."""
        place, _, rest = name.rpartition(":")
        if place.casefold() == "env":
            self._engine.session.assign(rest, to_text(value))
            return
        if rest.casefold() in ("true", "false", "null", "home", "pid"):
            raise PowerShellError(
                f"Cannot overwrite variable {rest} because it is read-only or constant.",
                "VariableNotWritable",
                "WriteError",
                rest,
                "System.Management.Automation.SessionStateUnauthorizedAccessException",
            )
        self._scope(place).variables[rest.casefold()] = value

    async def _assign(self, expression: Assignment) -> Value:
        inner = expression.value.elements[-1] if isinstance(expression.value, Pipeline) else None
        # `$a = $b = 1`: an assignment writes nothing into a pipeline, and has a value all the same.
        is_chain = isinstance(inner, Assignment)
        value = await (self.evaluate(inner) if is_chain else self._engine.value(expression.value))  # type: ignore[arg-type]
        if expression.operator:
            value = BINARY[expression.operator](await self.evaluate(expression.target), value)
        await self._store(expression.target, value)
        return value

    async def _store(self, target: Expression, value: Value) -> None:
        match target:
            case Variable():
                self.assign(target.name, value)
            case Cast(type_name=name, value=Variable() as variable):
                self.assign(variable.name, members.converted(value, Type.of(name)))
            case Member():
                await self._store_member(target, value)
            case Index():
                _store_item(await self.evaluate(target.target), await self.evaluate(target.index), value)
            case Array():
                given = items(value)
                for number, item in enumerate(target.items):
                    is_last = number == len(target.items) - 1
                    rest = collected(given[number:]) if is_last else collected(given[number : number + 1])
                    await self._store(item, rest)
            case _:
                raise AssertionError("the check lets no other target through")

    async def _store_member(self, target: Member, value: Value) -> None:
        owner = await self.evaluate(target.target)
        name = to_text(await self.evaluate(target.name))
        if target.is_static:
            members.write_static(owner, name, value)
        elif host_calls.is_host(owner):
            await host_calls.assign(self._engine, owner, name, value)
        else:
            members.write(owner, name, value)


def _store_item(owner: Value, index: Value, value: Value) -> None:
    if isinstance(owner, Hashtable):
        owner[index] = value
    elif isinstance(owner, (list, ArrayList)) and -len(owner) <= to_integer(index) < len(owner):
        owner[to_integer(index)] = value
    else:
        raise PowerShellError(
            "Index was outside the bounds of the array.", "System.IndexOutOfRangeException", "OperationStopped"
        )


def version(parts: tuple[str, ...]) -> Thing:
    """A `System.Version`."""
    names = ("Major", "Minor", "Build", "Revision")
    numbers = [int(part) for part in parts] + [-1] * (4 - len(parts))
    return Thing(("System.Version",), dict(zip(names, numbers, strict=True)), ".".join(parts))


def _versions() -> Hashtable:
    return Hashtable(
        {
            "PSVersion": version(PS_VERSION),
            "PSEdition": "Desktop",
            "PSCompatibleVersions": [version((major, "0")) for major in "1234"] + [version(PS_VERSION)],
            "BuildVersion": version(("10", "0", "20348", "2400")),
            "CLRVersion": version(("4", "0", "30319", "42000")),
            "WSManStackVersion": version(("3", "0")),
            "PSRemotingProtocolVersion": version(("2", "3")),
            "SerializationVersion": version(("1", "1", "0", "1")),
        }
    )


def now() -> datetime.datetime:
    """The machine's time."""
    return datetime.datetime.now(datetime.UTC)
