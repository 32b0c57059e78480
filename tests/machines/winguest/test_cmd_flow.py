"""`if`, `for` and pipes: their finer points; what they play at large, `test_cmd_shell` says."""

import pytest

from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("a==a", True),
        ("a==A", False),
        ("/i a==A", True),
        ("not a==b", True),
        ("/i not a==A", False),
        ('"a b"=="a b"', True),
        ("9 lss 10", True),
        ("09 equ 9", True),
        ("a lss b", True),
        ("1 neq 1", False),
        ("2 geq 2", True),
        ("2 leq 1", False),
        ("exist nul", True),
        ("exist C:\\Windows", True),
        ("exist C:\\Windows\\x*.ini", False),
        ("defined Path", True),
        ("defined NOPE", False),
        ("errorlevel 0", True),
        ("errorlevel 1", False),
    ],
)
async def test_conditions(condition: str, *, holds: bool) -> None:
    """Numbers as numbers, texts as texts, files with wildcards, variables without their values."""
    with guest() as made:
        stdout, _, _ = await made.cmd(f"if {condition} (echo yes) else echo no")

    assert stdout == ("yes\r\n" if holds else "no\r\n")


ABSENT = [
    ("if exist C:\\x.ps1 (powershell -file C:\\x.ps1) else (echo none)", "none\r\n", 0),
    ("if not exist C:\\x.cmd (echo none) else (C:\\x.cmd)", "none\r\n", 0),
    ("if exist C:\\x.cmd (call C:\\x.cmd)", "", 0),
    ("if exist C:\\x.cmd (C:\\y.cmd) else (echo none)", "", 1),
    ("if exist C:\\x.cmd (echo there) else (frobnicate)", "", 1),
    ("if exist C:\\there.cmd (frobnicate) else (echo none)", "", 1),
    ("echo exit 3 > C:\\x.cmd & if exist C:\\x.cmd (C:\\x.cmd) else (echo none)", "", 1),
]


@pytest.mark.parametrize(("line", "stdout", "code"), ABSENT)
async def test_a_branch_that_is_passed_by_may_name_what_is_not_there(line: str, stdout: str, code: int) -> None:
    """Where nothing has run before, what `exist` says is certain, and so is which branch is judged."""
    with guest({"C:\\there.cmd": "echo there"}) as made:
        assert (await made.cmd(line))[::2] == (stdout, code)


@pytest.mark.parametrize(
    ("first", "stdout"), [("", "none\r\n"), ("echo one\r\n", "")], ids=["first line", "second line"]
)
async def test_such_a_branch_in_a_batch_file(first: str, stdout: str) -> None:
    """In its first line it is passed by; later, a line before it may have made the file, and nothing runs."""
    text = f"@echo off\r\n{first}" if first else ""
    batch = f"{text}@if exist C:\\x.cmd (C:\\x.cmd) else (echo none)\r\n"
    with guest({"C:\\b.cmd": batch}) as made:
        assert (await made.cmd("C:\\b.cmd"))[0] == stdout


@pytest.mark.parametrize(
    ("loop", "stdout"),
    [
        ('for /f "tokens=2 delims=:" %a in ("x: y:z") do @echo [%a]', "[ y]\r\n"),
        ('for /f "delims=" %a in ("a b") do @echo [%a]', "[a b]\r\n"),
        ('for /f "eol=# tokens=1" %a in (C:\\t.txt) do @echo [%a]', "[one]\r\n[three]\r\n"),
        ('for /f "usebackq delims=" %a in ("C:\\t.txt") do @echo [%a]', "[one two]\r\n[# no]\r\n[three]\r\n"),
        ("for /f \"usebackq\" %a in ('one two') do @echo [%a]", "[one]\r\n"),
        ('for /f "usebackq" %a in (`hostname`) do @echo [%a]', "[build-windows]\r\n"),
        ('for /f "skip=2" %a in (C:\\t.txt) do @echo [%a]', "[three]\r\n"),
        ("for /f %a in (C:\\nope) do @echo [%a]", ""),
        ("for /l %i in (1,1,0) do @echo %i", ""),
        ("for %i in () do @echo %i", ""),
        ("for %i in (*.none) do @echo %i", ""),
        ('for %i in ("a b" c) do @echo %~i', "a b\r\nc\r\n"),
    ],
)
async def test_loops(loop: str, stdout: str) -> None:
    """Words of lines by their separators, comments and empty lines left out, texts, files and commands."""
    with guest({"C:\\t.txt": "one two\r\n# no\r\n\r\nthree\r\n"}) as made:
        assert (await made.cmd(loop))[0] == stdout


@pytest.mark.parametrize(
    "loop",
    ['for /f "frob=1" %a in ("x") do echo', 'for "x" %i in (a) do echo', "for /f %a in ('frob') do echo a"],
)
async def test_refuses(loop: str) -> None:
    """Options that are none, and commands that are not played."""
    with guest() as made:
        assert "is not recognized" in (await made.cmd(loop))[1]


async def test_a_pipe_does_not_wait_for_a_reader_that_ended() -> None:
    """What is written into a pipe that nobody reads any more goes nowhere, and the line ends."""
    with guest() as made:
        stdout, _, code = await made.cmd("for /l %i in (1,1,2000) do @echo %i | exit 3")

    assert (stdout, code) == ("", 3)


async def test_sides_of_a_pipe_have_variables_of_their_own() -> None:
    """What one side sets, neither the other one nor the line behind it sees."""
    with guest() as made:
        stdout, _, _ = await made.cmd("set ZA=1& (set ZA=2 | set ZA)& set ZA")

    assert stdout == "ZA=1\r\nZA=1\r\n"
