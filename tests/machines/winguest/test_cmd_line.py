"""Command lines: what is understood, and that nothing else is."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winguest import cmd_line
from emulator.machines.winguest.cmd_line import File, Simple
from emulator.machines.winguest.errors import NotUnderstoodError

PLAIN = {"stdout": "stdout", "stderr": "stderr"}


@pytest.mark.parametrize(
    ("line", "commands"),
    [
        ("echo hi", [("echo", " hi", "&")]),
        ('echo "a & b"', [("echo", ' "a & b"', "&")]),
        ("echo a ^& b", [("echo", " a & b", "&")]),
        ("a&b && c||d", [("a", "", "&"), ("b", " ", "&"), ("c", "", "&&"), ("d", "", "||")]),
        ("echo a &", [("echo", " a ", "&")]),
        ("cd\\Windows", [("cd", "\\Windows", "&")]),
        ("echo.text", [("echo", ".text", "&")]),
        ('"C:\\a b.exe" x', [("C:\\a b.exe", " x", "&")]),
        ("@echo hi", [("echo", " hi", "&")]),
    ],
)
def test_splits_a_line(line: str, commands: list[tuple[str, str, str]]) -> None:
    """Operators split outside quotes and carets; arguments stay as they were written."""
    found = [(simple.name, simple.arguments, simple.join) for simple in cmd_line.parse(line)]

    assert found == commands


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
    ],
)
def test_redirects(line: str, targets: dict[str, str]) -> None:
    """Streams go to NUL or into each other."""
    assert cmd_line.parse(line)[0].targets == targets


@pytest.mark.parametrize(
    "line",
    [
        "",
        "  ",
        "a | b",
        "a < file",
        "(a)",
        "a && ",
        "&& a",
        "a & & b",
        "a\nb",
    ],
)
def test_refuses_what_it_does_not_understand(line: str) -> None:
    """Pipes, input from files, blocks and broken operators are nobody's guess."""
    with pytest.raises(NotUnderstoodError):
        cmd_line.parse(line)


@given(st.text(alphabet='ab "&|<>^%()12n\r\n', max_size=30))
def test_any_line_parses_or_is_refused(line: str) -> None:
    """No line raises anything else, and what parses has a name for each command."""
    with contextlib.suppress(NotUnderstoodError):
        assert all(isinstance(simple, Simple) for simple in cmd_line.parse(line))


def test_expands_variables() -> None:
    """Known names are replaced without regard to case; unknown ones stay, as on a command line."""
    assert cmd_line.expand("%user% %NoSuch% 100%", {"USER": "packer"}) == "packer %NoSuch% 100%"
