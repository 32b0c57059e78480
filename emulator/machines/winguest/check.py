"""Whether all of a script is played, before any of it runs: its commands, parameters, methods, types and operators.

What a script computes is followed as far as it is certain (see `knowledge`): a command's name in a variable, a
script in a string, a script on the drive, a program's arguments. What stays uncertain is refused. What was found is
kept in the session (see `vetted`), and nothing else may run in the script's course.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from emulator.machines.winguest import check_commands, commands, members, parser, scripts
from emulator.machines.winguest.constants import nodes
from emulator.machines.winguest.errors import NotUnderstoodError, PowerShellError
from emulator.machines.winguest.knowledge import Knowledge
from emulator.machines.winguest.operators import BINARY, UNARY, expression
from emulator.machines.winguest.tree import (
    Array,
    Assignment,
    Binary,
    Block,
    Call,
    Cast,
    Command,
    Expression,
    Function,
    Index,
    Literal,
    Member,
    Parameter,
    Pipeline,
    TypeName,
    Unary,
    Variable,
)
from emulator.machines.winguest.values import Script, Type, items, to_text
from emulator.machines.winguest.vetted import Vetted

if TYPE_CHECKING:
    from emulator.machines.winguest.engine import Engine

MAX_ROUNDS = 8
"""How often what a script calls may call something new."""
MAX_BLOCKS = 200
PLACES = ("", "env", "global", "script", "local", "private")
UNPLAYED = {
    "psscriptroot", "pscommandpath", "myinvocation", "psboundparameters", "pscmdlet", "executioncontext", "profile",
    "pshome", "shellid", "psculture", "psuiculture", "stacktrace", "this", "foreach", "switch",
}  # fmt: skip
"""Variables that PowerShell sets itself, and that are not played: here they would be null."""
_PATTERNS = ("-match", "-notmatch", "-imatch", "-inotmatch", "-replace", "-ireplace", "-split")


def check(block: Block, engine: "Engine", assigned: frozenset[str] | None = frozenset()) -> None:
    """Refuse a script with anything in it that is not played, or not certain.

    Args:
        block: the script.
        engine: whose session it is to run in.
        assigned: environment variables, in lower case, that may have changed when it runs; None for any.

    Raises:
        NotUnderstoodError: naming the part.
    """
    blocks: list[Block] = [block]
    try:
        for _ in range(MAX_ROUNDS):
            checker = Checker(engine, blocks, assigned)
            checker.visit_all()
            new = [each for each in checker.found if not any(each is known for known in blocks)]
            if not new:
                engine.session.vetted.add(checker.vetted)
                return
            blocks += new
            if len(blocks) > MAX_BLOCKS:
                break
    except RecursionError:
        raise NotUnderstoodError("a script that nests so deep") from None
    raise NotUnderstoodError("a script that calls so many others")


class Checker:
    """One round over a script and what it calls, as far as that is known."""

    def __init__(self, engine: "Engine", blocks: Sequence[Block], assigned: frozenset[str] | None) -> None:
        self.engine = engine
        self.knowledge = Knowledge(engine, assigned)
        self.vetted = Vetted()
        self.found: list[Block] = []
        self.blocks = blocks
        self._before: Any = None
        for block in blocks:
            self.knowledge.learn(block)
            names = (node.name.casefold() for node in nodes(block) if isinstance(node, Function))
            self.vetted.functions.update(dict.fromkeys(names))

    def visit_all(self) -> None:
        """Check every block."""
        for block in self.blocks:
            self.visit(block)

    def visit(self, node: Any) -> None:
        """Check a part of the script, and all within it."""
        if isinstance(node, tuple):
            for each in node:
                self.visit(each)
        elif isinstance(node, Block):
            self._block(node)
        elif hasattr(node, "__dataclass_fields__"):
            self._check(node)
            for name in node.__dataclass_fields__:
                self.visit(getattr(node, name))

    def _block(self, block: Block) -> None:
        with self.knowledge.branch():
            self.visit((block.parameters, block.phases))
            for statement in block.statements:
                self.visit(statement)
                self.knowledge.follow(statement)

    def _check(self, node: Any) -> None:  # a table of kinds  # noqa: C901
        match node:
            case Pipeline():
                self._pipeline(node)
            case Call():
                _check_call(node)
            case Member(is_static=True):
                _check_static_member(node)
            case TypeName() | Cast():
                _check_type(node.name if isinstance(node, TypeName) else node.type_name)
                if isinstance(node, Cast) and Type.of(node.type_name).name == "scriptblock":
                    _must_be_block(node.value)
            case Parameter() if node.type_name:
                _check_type(node.type_name)
            case Variable():
                self._variable(node)
            case Assignment():
                _check_target(node.target)
                self.knowledge.pass_by(node)
            case Binary():
                self._binary(node)
            case Unary() if node.operator not in UNARY and node.operator not in ("++", "--"):
                raise NotUnderstoodError(node.operator)
            case Unary(operator="++" | "--"):
                _check_target(node.operand)

    def _pipeline(self, node: Pipeline) -> None:
        before: Any = None
        for element in node.elements:
            if isinstance(element, Command):
                check_commands.check(self, element, before)
            before = element

    def _variable(self, node: Variable) -> None:
        place, _, rest = node.name.rpartition(":")
        if place.casefold() not in PLACES:
            raise NotUnderstoodError(f"${node.name}")
        if place == "" and rest.casefold() in UNPLAYED and not self.knowledge.is_set(rest):
            raise NotUnderstoodError(f"${node.name}")

    def _binary(self, node: Binary) -> None:
        if node.operator not in BINARY and node.operator not in ("-and", "-or"):
            raise NotUnderstoodError(node.operator)
        if node.operator in _PATTERNS:
            self._pattern(node)
        if node.operator == "-f":
            self._format(node)

    def _pattern(self, node: Binary) -> None:
        """Python's regular expressions are not .NET's: only one that both know is played."""
        wanted = node.right.items[0] if isinstance(node.right, Array) else node.right
        for pattern in self.certain(wanted, node.operator):
            given = items(pattern)
            try:
                expression(given[0] if given else "")
            except PowerShellError:
                raise NotUnderstoodError(to_text(pattern)[:80]) from None

    def _format(self, node: Binary) -> None:
        from emulator.machines.winguest.operators import is_known_format

        for pattern in self.certain(node.left, node.operator):
            if not is_known_format(to_text(pattern)):
                raise NotUnderstoodError(to_text(pattern)[:80])

    def certain(self, node: Expression, what: str) -> Sequence[Any]:
        """The values that a part may have.

        Raises:
            NotUnderstoodError: they are not known.
        """
        found = self.knowledge.values(node)
        if found is None:
            raise NotUnderstoodError(what)
        return found

    def block_of_text(self, script: str) -> None:
        """A script in a string belongs to this one."""
        self.vetted.texts[script] = self._known(script)

    def script_file(self, path: str) -> None:
        """A script on the drive belongs to this one."""
        text = scripts.text_of(self.engine, path)
        self.vetted.files[path.casefold()] = (text, self._known(text))

    def _known(self, script: str) -> Block:
        """The tree of a text, the same one each time."""
        block = next((each for each in self.blocks if each.text == script), None) or parser.parse(script)
        self.found.append(block)
        return block

    def value(self, found: Any) -> None:
        """A script block in a variable belongs to this script."""
        if isinstance(found, Script):
            self.found.append(found.block)

    def function(self, name: str) -> bool:
        """Whether a function of that name is defined here, or was before in the session."""
        if name.casefold() in self.vetted.functions:
            return True
        known = self.engine.scope.function(name)
        if known is None:
            return name.casefold() in self.engine.session.vetted.functions and commands.find(name) is None
        self.found.append(known.body)
        return True


def _must_be_block(node: Expression) -> None:
    if not isinstance(node, Block):
        raise NotUnderstoodError("[scriptblock]")


def _check_type(name: str) -> None:
    if not members.is_known_type(name):
        raise NotUnderstoodError(f"[{name}]")


def _check_call(node: Call) -> None:
    if not node.is_static:
        if node.name.casefold() not in members.known_methods():
            raise NotUnderstoodError(node.name)
        return
    if not isinstance(node.target, TypeName):
        raise NotUnderstoodError(f"::{node.name}")
    if not members.has_static(node.target.name, node.name):
        raise NotUnderstoodError(f"[{node.target.name}]::{node.name}")


def _check_static_member(node: Member) -> None:
    name = node.name.value if isinstance(node.name, Literal) else None
    if not isinstance(node.target, TypeName) or name is None:
        raise NotUnderstoodError("::")
    if not members.has_static_value(node.target.name, str(name)):
        raise NotUnderstoodError(f"[{node.target.name}]::{name}")


def _check_target(target: Expression) -> None:
    """What can be assigned to."""
    match target:
        case Variable() | Member() | Index() | Cast(value=Variable()):
            return
        case Array():
            for item in target.items:
                _check_target(item)
        case _:
            raise NotUnderstoodError("that assignment")


def given(value: Any) -> Expression | None:
    """A value that a client gives a parameter, as an expression: a text or a number, or one that is not certain."""
    if value is None:
        return None
    return Literal(value) if isinstance(value, (str, int, float)) else Variable("_")
