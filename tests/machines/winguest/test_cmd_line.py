"""Command lines and batch files: what is understood, and that nothing else is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winguest import cmd_line
from emulator.machines.winguest.cmd_tree import File, For, Group, If, Joined, Label, Node, Simple
from emulator.machines.winguest.errors import NotUnderstoodError
from emulator.machines.winguest.holes import Hole, Holes

PLAIN = {"stdout": "stdout", "stderr": "stderr"}


def only(text: str) -> Node:
    """The one line of a text."""
    (node,) = cmd_line.parse(text)
    return node


def shown(node: Node) -> object:
    """A tree as a value that is quickly read."""
    match node:
        case Simple():
            return (node.name, node.arguments)
        case Joined():
            return [shown(node.left), node.operator, shown(node.right)]
        case Group():
            return {"(": [shown(line) for line in node.lines]}
        case If():
            negated = "not " if node.is_negated else ""
            return {f"if {negated}{node.left} {node.question} {node.right}": (shown(node.then), shown_or_none(node))}
        case For():
            return {f"for {node.letters} {node.source}": shown(node.body)}
        case Label():
            return f":{node.name}"


def shown_or_none(node: If) -> object:
    """The other branch."""
    return None if node.otherwise is None else shown(node.otherwise)


@pytest.mark.parametrize(
    ("line", "tree"),
    [
        ("echo hi", ("echo", " hi")),
        ('echo "a & b"', ("echo", ' "a & b"')),
        ("echo a ^& b", ("echo", " a & b")),
        ("a&b", [("a", ""), "&", ("b", "")]),
        # `|` binds tightest, then `&&`, then `||`, then `&`
        ("a || b && c | d", [("a", " "), "||", [("b", " "), "&&", [("c", " "), "|", ("d", "")]]]),
        ("a & b || c", [("a", " "), "&", [("b", " "), "||", ("c", "")]]),
        ("echo a &", ("echo", " a ")),
        ("cd\\Windows", ("cd", "\\Windows")),
        ("echo.text", ("echo", ".text")),
        ("echo(text", ("echo", "(text")),
        ('"C:\\a b.exe" x', ("C:\\a b.exe", " x")),
        ("@echo hi", ("echo", " hi")),
        ("rem a & b", ("rem", "")),
        ("(a & b) && c", [{"(": [[("a", " "), "&", ("b", "")]]}, "&&", ("c", "")]),
        ("(\r\n a\r\n b\r\n)", {"(": [("a", ""), ("b", "")]}),
        ("if exist x (a) else b", {"if x exist ": ({"(": [("a", "")]}, ("b", ""))}),
        # What follows on the line belongs to the condition
        ("if 1==2 a & b", {"if 1 == 2": ([("a", " "), "&", ("b", "")], None)}),
        ('if not "a b"=="" a', {'if not "a b" == ""': (("a", ""), None)}),
        ("if a equ b (c)", {"if a equ b": ({"(": [("c", "")]}, None)}),
        ("if errorlevel 1 a", {"if 1 errorlevel ": (("a", ""), None)}),
        ("if defined X a", {"if X defined ": (("a", ""), None)}),
        ("for %a in (1 2) do b", {"for a 1 2": ("b", "")}),
        ('for /f "tokens=1,2*" %a in (x) do b', {"for abc x": ("b", "")}),
        ("a ^\r\n b", ("a", "  b")),
    ],
)  # fmt: skip
def test_parses_a_line(line: str, tree: object) -> None:
    """Operators split outside quotes and carets, by their precedence; arguments stay as they were written."""
    assert shown(only(line)) == tree


def test_parses_a_batch_file() -> None:
    """Lines and labels follow one another; what stands behind `::` is nothing."""
    found = cmd_line.parse("a\r\n:: comment\r\n:Top more\r\n\r\nif 1==1 (\r\n  b\r\n) else (\r\n  c\r\n)\r\n")

    assert [shown(node) for node in found] == [
        ("a", ""),
        ":top",
        {"if 1 == 1": ({"(": [("b", "")]}, {"(": [("c", "")]})},
    ]


@pytest.mark.parametrize(
    ("line", "targets"),
    [
        ("a", PLAIN),
        ("a >nul", {"stdout": "nul", "stderr": "stderr"}),
        ("a > file.txt", {"stdout": File("file.txt"), "stderr": "stderr"}),
        ('a 2>> "a b"', {"stdout": "stdout", "stderr": File("a b", is_appended=True)}),
        ("a >nul.txt", {"stdout": File("nul.txt"), "stderr": "stderr"}),
        ("a > NUL 2>&1", {"stdout": "nul", "stderr": "nul"}),
        ("a 2>nul", {"stdout": "stdout", "stderr": "nul"}),
        ("a 1>&2", {"stdout": "stderr", "stderr": "stderr"}),
        ("a >&2", {"stdout": "stderr", "stderr": "stderr"}),
        ("a 2>&1", {"stdout": "stdout", "stderr": "stdout"}),
        ("(a) > file.txt", {"stdout": File("file.txt"), "stderr": "stderr"}),
    ],
)
def test_redirects(line: str, targets: dict[str, str]) -> None:
    """Streams go to files, to NUL or into each other, of one command or of a block."""
    node = only(line)

    assert isinstance(node, (Simple, Group))
    assert node.redirections.targets == targets


def test_reads_input_from_a_file() -> None:
    """`<` names where input comes from."""
    node = only("more < file.txt")

    assert isinstance(node, Simple)
    assert (node.redirections.source, node.name) == ("file.txt", "more")


def test_a_loop_variable_is_a_hole() -> None:
    """What a loop goes through is known when it runs, so its variable stands in the plan as a hole."""
    holes = Holes()
    (node,) = cmd_line.parse("for %i in (1 2) do echo %i %~ni %j", holes)

    assert isinstance(node, For)
    assert isinstance(node.body, Simple)
    assert holes.fill(node.body.arguments, lambda hole: f"<{hole.name}{hole.modifiers}>") == " <i> <i~n> %j"
    assert holes.known == [Hole("loop", "i"), Hole("loop", "i", "~n")]


@pytest.mark.parametrize(
    "line",
    [
        "a |",
        "| a",
        "a || | b",
        "a <",
        "(a",
        "()",
        "a && ",
        "&& a",
        "a & & b",
        "if",
        "if x y",
        "if x==y",
        "for %i in (1) a",
        "for %i (1) do a",
        "for /r %i in (*) do a",
        "for %i in (a) do echo %~ti",
        "(\r\n:label\r\n)",
        "^",
    ],
)
def test_refuses_what_it_does_not_understand(line: str) -> None:
    """Broken operators, blocks without an end and halves of statements are nobody's guess."""
    with pytest.raises(NotUnderstoodError):
        cmd_line.parse(line)


@pytest.mark.parametrize(
    ("options", "tokens"),
    [("", [1]), ("tokens=2", [2]), ("tokens=1,3-5", [1, 3, 4, 5]), ("tokens=1*", [1, "*"]), ("tokens=*", ["*"])],
)
def test_tokens_of_a_loop(options: str, tokens: list[int | str]) -> None:
    """`tokens=` names words of a line by number, and the rest of it."""
    assert cmd_line.tokens_of(options) == tokens


@given(st.text(alphabet='ab "&|<>^%()12n\r\n:if for', max_size=40))
def test_any_line_parses_or_is_refused(line: str) -> None:
    """No line raises anything else, and what parses has a name for each command."""
    with contextlib.suppress(NotUnderstoodError):
        assert all(isinstance(node, (Simple, Joined, Group, If, For, Label)) for node in cmd_line.parse(line))
