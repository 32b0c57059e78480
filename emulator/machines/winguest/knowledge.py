"""What is known of a script before it runs: the values that an expression may have, whatever of the script runs.

Assignments anywhere in the script count, in whatever order they run. What cannot be told is unknown, never guessed.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from emulator.machines.winguest.constants import KINDS, Values, key_of, named, nodes, only_expression, unique
from emulator.machines.winguest.tree import (
    Argument,
    Array,
    Assignment,
    Block,
    Call,
    Cast,
    Command,
    Expression,
    ForEach,
    Hash,
    Index,
    Literal,
    Member,
    Parameter,
    Pipeline,
    Statement,
    TypeName,
    Unary,
    Variable,
)
from emulator.machines.winguest.values import Type, Value

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine

MAX_VALUES = 16
"""Values of one expression that are followed; one with more counts as unknown."""
MAX_DEPTH = 24
"""How far values are followed from variable to variable."""
CHANGING = {"env", "variable"}
_AUTOMATIC = {"_", "args", "error", "host", "input", "lastexitcode", "matches", "psitem", "pwd", "pssenderinfo", "?"}
_CONSTANTS: Mapping[str, Value] = {"true": True, "false": False, "null": None}
_READERS = (
    "contains", "containskey", "endswith", "equals", "getenumerator", "gettype", "indexof", "invoke", "padleft",
    "padright", "replace", "split", "startswith", "substring", "tolower", "tostring", "toupper", "trim", "trimend",
    "trimstart",
)  # fmt: skip
"""Methods that leave what they are called on as it is."""
_SETTERS = ("set-variable", "new-variable", "clear-variable", "remove-variable")
_ITEM_SETTERS = ("new-item", "remove-item", "set-content", "add-content", "rename-item", "copy-item", "move-item")


class Knowledge:
    """The values of one script's expressions; blocks that belong to it are learned first."""

    def __init__(self, engine: "Engine", assigned: frozenset[str] | None = frozenset()) -> None:
        """See above; `assigned` are environment variables that change outside of it, or None for any."""
        self._engine = engine
        self._sources: dict[str, list[Expression | None]] = {}
        self._unknown: set[str] = {f"env:{name.casefold()}" for name in assigned or ()}
        self._is_environment_unknown = assigned is None
        self._are_all_unknown = False
        self._stores: dict[str, list[tuple[Expression | None, Expression | None]]] = {}
        self.definite: frozenset[str] = frozenset()
        self._certain_at: dict[int, frozenset[str]] = {}
        self._found: dict[tuple[str, bool], Values] = {}

    # Learning

    def learn(self, block: Block) -> None:
        """Note every assignment in a block."""
        self._found.clear()
        for node in nodes(block):
            match node:
                case Assignment():
                    self._learn_assignment(node.target, node)
                case ForEach():
                    self._learn_loop(node)
                case Parameter():
                    self._forget(node.name)
                case Unary(operator="++" | "--"):
                    self._learn_target(node.operand, None)
                case Call():
                    self._learn_call(node)
                case Command():
                    self._learn_command(node)

    def _add(self, name: str, source: Expression | None) -> None:
        self._sources.setdefault(key_of(name), []).append(source)

    def _forget(self, name: str) -> None:
        self._unknown.add(key_of(name))

    def _learn_assignment(self, target: Expression, node: Assignment) -> None:
        value = only_expression(node.value)
        if node.operator:
            value = None
        if isinstance(target, Cast):
            is_text = Type.of(target.type_name).name == "string"
            target, value = target.value, Cast("string", value) if is_text and value is not None else None
        self._learn_target(target, value)

    def _learn_target(self, target: Expression, value: Expression | None) -> None:
        match target:
            case Variable():
                self._add(target.name, value)
            case Array():
                for item in target.items:
                    self._learn_target(item, None)
            case Member(target=Variable() as owner, name=key) | Index(target=Variable() as owner, index=key):
                self._stores.setdefault(key_of(owner.name), []).append((key, value))

    def _learn_loop(self, node: ForEach) -> None:
        source = only_expression(node.items)
        if isinstance(source, Array):
            for item in source.items:
                self._add(node.variable, item)
        else:
            self._add(node.variable, source if isinstance(source, Literal) else None)

    def _learn_call(self, node: Call) -> None:
        if isinstance(node.target, Variable):
            is_put = node.name.casefold() == "add" and len(node.arguments) == 2
            if node.name.casefold() not in _READERS:
                put = (node.arguments[0], node.arguments[1]) if is_put else (None, None)
                self._stores.setdefault(key_of(node.target.name), []).append(put)
        if isinstance(node.target, TypeName) and node.name.casefold() == "setenvironmentvariable":
            self._forget_variable(node.arguments[0] if node.arguments else None)

    def _forget_variable(self, name: Expression | None) -> None:
        if isinstance(name, Literal):
            self._forget(f"env:{name.value}")
        else:
            self._is_environment_unknown = True

    def _learn_command(self, node: Command) -> None:
        name = named(node)
        if name in _SETTERS:
            self._forget_named(node.arguments)
        elif name in _ITEM_SETTERS:
            self._learn_items(node.arguments)

    def _learn_items(self, arguments: Sequence[Argument]) -> None:
        """A path may be a variable's; where it is computed, any may have been removed, but none set."""
        for argument in arguments:
            if isinstance(argument.value, Literal):
                place, _, rest = str(argument.value.value).casefold().replace("\\", "").partition(":")
                if place in CHANGING:
                    self._forget(f"env:{rest}" if place == "env" else rest)

    def _forget_named(self, arguments: Sequence[Argument]) -> None:
        """What the first argument, or `-Name`, names may be anything; where it is computed, everything may."""
        words = [each for each in arguments if each.value is not None or each.name]
        found = [
            each.value if each.value is not None else follower.value
            for each, follower in itertools.zip_longest(words, words[1:], fillvalue=Argument("", None))
            if each.name and "name".startswith(each.name.casefold())
        ]
        name = found[0] if found else words[0].value if words else None
        if isinstance(name, Literal):
            self._forget(str(name.value).casefold().removeprefix("variable:"))
        else:
            self._are_all_unknown = True

    @contextlib.contextmanager
    def branch(self) -> Iterator[None]:
        """What is certain within a block need not be so behind it."""
        before = self.definite
        try:
            yield
        finally:
            self.definite = before

    def pass_by(self, node: Assignment) -> None:
        """An assignment is met: what it assigns is computed from what was certain here, and not where it is used."""
        source = only_expression(node.value)
        if source is not None and any(isinstance(each, Variable) for each in nodes(source)):
            known = self._certain_at.get(id(source))
            self._certain_at[id(source)] = self.definite if known is None else known & self.definite
            self._found.clear()

    def follow(self, statement: Statement) -> None:
        """A statement has been run: a variable that it surely sets is not null any more."""
        if isinstance(statement, Pipeline) and len(statement.elements) == 1:
            element = statement.elements[0]
            if isinstance(element, Assignment) and isinstance(element.target, Variable) and not element.operator:
                source = only_expression(element.value)
                if source is not None and self.values(source) is not None:
                    self.definite |= {key_of(element.target.name)}

    # Asking

    def values(self, expression: Expression, depth: int = 0) -> Values:
        """What an expression may be; None where that is not known."""
        compute = KINDS.get(type(expression))
        if compute is None or depth > MAX_DEPTH:
            return None
        found = compute(self, expression, depth + 1)
        return None if found is None or len(found) > MAX_VALUES else found

    def keys(self, name: str) -> list[str] | None:
        """The keys that a table in a variable may have; None where they are not known."""
        key = key_of(name)
        sources = self._sources.get(key, [])
        if key in self._unknown or self._are_all_unknown or not sources or self._initial(key) is not None:
            return None
        found: list[str] = []
        for source in sources:
            if not isinstance(source, Hash):
                return None
            found += [str(each.value) if isinstance(each, Literal) else "" for each, _ in source.entries]
        found += [str(each.value) if isinstance(each, Literal) else "" for each, _ in self._stores.get(key, [])]
        return None if "" in found else found

    def entries(self, name: str, wanted: str) -> list[Expression | None]:
        """What a key of a table in a variable may be set to."""
        sources = [each for each in self._sources.get(key_of(name), []) if isinstance(each, Hash)]
        found = [
            only_expression(value)
            for source in sources
            for key, value in source.entries
            if isinstance(key, Literal) and str(key.value).casefold() == wanted.casefold()
        ]
        return found + [
            value
            for key, value in self._stores.get(key_of(name), [])
            if isinstance(key, Literal) and str(key.value).casefold() == wanted.casefold()
        ]

    def is_set(self, name: str) -> bool:
        """Whether the script, or one before it in the session, gives a variable of that name a value."""
        key = key_of(name)
        return key in self._sources or key in self._unknown or self._engine.scope.holder(key) is not None

    def changing(self) -> frozenset[str] | None:
        """The environment variables that may change while the script runs, in lower case; None for any."""
        if self._is_environment_unknown or self._are_all_unknown:
            return None
        return frozenset(key[4:] for key in (*self._sources, *self._unknown) if key.startswith("env:"))

    def _initial(self, key: str) -> Value:
        if key.startswith("env:"):
            return self._engine.session.variable(key[4:])
        holder = self._engine.scope.holder(key)
        return None if holder is None else holder.variables[key]

    def of_variable(self, name: str, depth: int) -> Values:
        """A variable's values, found once: two of them in each other's would be found over and over."""
        key = key_of(name)
        asked = (key, key in self.definite)
        if asked not in self._found:
            self._found[asked] = None  # what is asked of itself is not known
            self._found[asked] = self._computed(key, depth)
        return self._found[asked]

    def _computed(self, key: str, depth: int) -> Values:
        if key in _CONSTANTS:
            return (_CONSTANTS[key],)
        if key in _AUTOMATIC or key in self._unknown or self._are_all_unknown or key in self._stores:
            return None
        if key.startswith("env:") and self._is_environment_unknown:
            return None
        if not key.startswith("env:") and not self.is_set(key):
            return None  # one that PowerShell may set itself, or a mistake
        found: list[Value] = [] if key in self.definite and self._initial(key) is None else [self._initial(key)]
        for source in self._sources.get(key, ()):
            values = None if source is None else self._of_source(source, depth)
            found = unique([*found, *(values or ())])
            if values is None or len(found) > MAX_VALUES:
                return None
        return found

    def _of_source(self, source: Expression, depth: int) -> Values:
        with self.branch():
            self.definite = self._certain_at.get(id(source), frozenset())
            return self.values(source, depth)

    def product(self, parts: Sequence[Expression | str], depth: int = 0) -> Sequence[Sequence[Value]] | None:
        """Every combination of what several expressions may be."""
        each = [(part,) if isinstance(part, str) else self.values(part, depth) for part in parts]
        known = [values for values in each if values is not None]
        size = 1
        for values in known:
            size *= len(values)
        return list(itertools.product(*known)) if len(known) == len(each) and size <= MAX_VALUES else None
