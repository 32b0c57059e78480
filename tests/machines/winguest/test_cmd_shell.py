"""cmd.exe: lines, blocks, pipes, loops and their exit codes; and that a value never becomes a command."""

import pytest

from emulator.machines.winguest.cmd_shell import MAX_NESTING
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("line", "stdout", "code"),
    [
        # Joins
        ("echo a & echo b", "a \r\nb\r\n", 0),
        ("cmd /c exit 3 && echo no", "", 3),
        ("cmd /c exit 3 || echo yes", "yes\r\n", 0),
        ("echo a || echo b && echo c", "a \r\n", 0),
        ("(echo a & cmd /c exit 4) || echo failed", "a \r\nfailed\r\n", 0),
        ("(echo a&echo b) > C:\\both.txt & type C:\\both.txt", "a\r\nb\r\n", 0),
        # Pipes
        ("echo a| more", "a\r\n", 0),
        ("(echo b&echo a) | sort", "a\r\nb\r\n", 0),
        ('type C:\\Windows\\win.ini | findstr /i mapi | find /c "MAPI"', "1\r\n", 0),
        ('echo a | find "b"', "", 1),
        ("set X=1 | set X=2 & if not defined X echo none", "none\r\n", 0),
        ("echo a | exit 5", "", 5),
        # Conditions
        ("if exist C:\\Windows (echo yes) else (echo no)", "yes\r\n", 0),
        ("if not exist C:\\nope\\*.txt echo none", "none\r\n", 0),
        ("if exist C:\\Windows\\*.ini echo some", "some\r\n", 0),
        ("if /i A==a echo same", "same\r\n", 0),
        ("if A==a (echo same) else if 1 LSS 2 (echo less) else (echo more)", "less\r\n", 0),
        ("if 10 GTR 9 (echo number)", "number\r\n", 0),
        ("if b GTR a echo text", "text\r\n", 0),
        ("if defined USERNAME echo known", "known\r\n", 0),
        ("cmd /c exit 3 & if errorlevel 3 if not errorlevel 4 echo three", "three\r\n", 0),
        # Loops
        ("for %i in (a b,c) do @echo %i", "a\r\nb\r\nc\r\n", 0),
        ("for %i in (C:\\Windows\\*.ini) do @echo %~ni-%~xi", "win-.ini\r\n", 0),
        ("for /d %i in (C:\\Windows\\T*) do @echo %i", "C:\\Windows\\Temp\r\n", 0),
        ("for /l %i in (3,-1,1) do @echo %i", "3\r\n2\r\n1\r\n", 0),
        ('for /f "tokens=1,3*" %a in ("a b c d e") do @echo %a-%b-%c', "a-c-d e\r\n", 0),
        ('for /f "skip=1 delims==" %a in (C:\\Windows\\win.ini) do @echo %a & exit 7', "[fonts] \r\n", 7),
        ("for /f %i in ('hostname') do @echo [%i]", "[build-windows]\r\n", 0),
        ("for %i in (1 2) do @for %j in (a b) do @echo %i%j", "1a\r\n1b\r\n2a\r\n2b\r\n", 0),
        # Codes
        ("exit 1115", "", 1115),
        ("exit 4294967295", "", -1),
        ("exit /b 5", "", 5),
        ("cmd /c cmd /c exit 6", "", 6),
        ("type C:\\nope", "", 1),
        ("rd C:\\Windows", "", 145),
        ("echo x> C:\\nope\\a.txt", "", 1),
    ],
)  # fmt: skip
async def test_plays(line: str, stdout: str, code: int) -> None:
    """A line writes what cmd.exe writes, and ends with its exit code."""
    with guest() as made:
        said, _, ended = await made.cmd(line)

    assert (said, ended) == (stdout, code)


async def test_redirects_input_and_errors() -> None:
    """`<` reads a file, `2>&1` joins the streams, `>>` appends, and a missing file fails the command."""
    with guest({"C:\\in.txt": "b\r\na\r\n"}) as made:
        assert (await made.cmd("sort < C:\\in.txt"))[0] == "a\r\nb\r\n"
        assert (await made.cmd("sort < C:\\nope"))[2] == 1
        assert (await made.cmd("type C:\\nope 2>&1"))[0] == "The system cannot find the file specified.\r\n"
        await made.cmd("echo 1> C:\\out.txt & echo 2>> C:\\out.txt & echo 3 >nul")
        assert made.computer.drive.read("C:\\out.txt") == b"ECHO is on.\r\n"
        await made.cmd("echo one>C:\\out.txt& echo two>>C:\\out.txt")
        assert made.computer.drive.read("C:\\out.txt") == b"one\r\ntwo\r\n"


async def test_input_reaches_the_command() -> None:
    """What a client sends is the input of the first command that reads, through pipes too."""
    with guest() as made:
        assert (await made.cmd("more | sort", b"b\r\na\r\n"))[0] == "a\r\nb\r\n"
        assert (await made.cmd("set /p X=name? & set X", b"packer\r\n"))[0] == "name? X=packer\r\n"


@pytest.mark.parametrize(
    "line",
    [
        "echo a > C:\\ran & frobnicate",
        "echo a > C:\\ran & (echo b & frobnicate)",
        "echo a > C:\\ran | frobnicate",
        "if exist C:\\nope (frobnicate) else (echo a > C:\\ran)",
        "for %i in (1) do (echo a > C:\\ran & frobnicate %i)",
        "for %i in (frobnicate) do echo a > C:\\ran & %i",
        "echo a > C:\\ran & cmd /c frobnicate",
        'echo a > C:\\ran & cmd /c "if 1==1 frobnicate"',
        "echo a > C:\\ran & powershell -Command Get-Foo",
        "echo a > C:\\ran & powershell -",
        "echo a > C:\\ran & C:\\bad.bat",
        "echo a > C:\\ran & call C:\\bad.bat",
        "echo a > C:\\ran & for /f %i in ('frobnicate') do echo %i",
        "echo a > C:\\ran & dir /frob",
        "echo a > C:\\ran & goto end",
        "echo a > C:\\ran & set /a 1+",
        "echo a > C:\\ran & for /r %i in (*) do echo %i",
        "echo a > C:\\ran & if exist",
        "echo a > C:\\ran & echo \ue100",
    ],
)
async def test_refuses_whole(line: str) -> None:
    """A line with anything unknown in it, wherever, changes nothing and fails with Windows' complaint."""
    with guest({"C:\\bad.bat": "echo x > C:\\bad-ran\r\nfrobnicate\r\n"}) as made:
        before = made.state()
        stdout, stderr, code = await made.cmd(line)

        assert (stdout, code) == ("", 1)
        assert "is not recognized as an internal or external command" in stderr
        assert made.state() == before


async def test_a_value_is_a_text() -> None:
    """What fills a variable's place cannot become a command, an operator or a switch, wherever it comes from."""
    evil = "x & echo a > C:\\ran & rem /s"
    with guest({"C:\\evil.txt": evil}) as made:
        line = 'for /f "delims=" %i in (C:\\evil.txt) do @(echo %i & cmd /c "echo %i" & del %i)'
        stdout, _, _ = await made.cmd(line)

        assert stdout == f"{evil} \r\n{evil}\r\n"
        assert made.computer.drive.find("C:\\ran") is None


async def test_nesting_has_an_end() -> None:
    """cmd.exe in cmd.exe is followed so far and no further."""
    with guest() as made:
        assert (await made.cmd("cmd /c " * MAX_NESTING + "echo deep"))[0] == "deep\r\n"
        assert (await made.cmd("cmd /c " * (MAX_NESTING + 1) + "echo deep"))[2] == 1
