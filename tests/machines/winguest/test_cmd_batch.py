"""Batch files: arguments, labels, calls, `setlocal`; and that none begins of which a line is unknown."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.windows_guest import Guest, guest

LINES = (
    "@echo off",
    "set X=1",
    "echo %X%> C:\\made.txt",
    "mkdir C:\\folder",
    "copy C:\\Windows\\win.ini C:\\copy.ini",
    "cd /d C:\\Windows",
    "call :sub one",
    "call C:\\other.bat",
    "if exist C:\\Windows (\r\n  echo yes> C:\\yes.txt\r\n) else (\r\n  echo no\r\n)",
    "for %%i in (a b) do echo %%i>> C:\\loop.txt",
    "powershell -Command New-Item HKLM:\\SOFTWARE\\Made -Force",
)
UNKNOWN = (
    "frobnicate",
    "if 1==2 frobnicate",
    "for %%i in (1) do frobnicate %%i",
    "for %%i in (frobnicate) do %%i",
    "(\r\n  echo a\r\n  frobnicate\r\n)",
    "echo a | frobnicate",
    "%NOPE% a",
    "set TOOL=frobnicate\r\n%TOOL%",
    "set LINE=a ^& frobnicate\r\necho %LINE%",
    "goto nowhere",
    "call :nowhere",
    "call C:\\nope.bat",
    "call C:\\bad.bat",
    "powershell -Command Get-Foo",
    "set X=1\r\npowershell -Command Write-Output %X%",
    "dir /frob",
    "shift",
    "set N=X\r\ncall echo %%%N%%%",
    "echo %~z0",
    "exit frob",
    "set /a 1 +",
)
NESTINGS = ("{0}", "if exist C:\\Windows (\r\n{0}\r\n)", "for %%j in (1) do (\r\n{0}\r\n)", "(\r\n{0}\r\n)")
END = "\r\ngoto :eof\r\n:sub\r\necho %1> C:\\sub.txt\r\nexit /b\r\n"
FILES = {
    "C:\\other.bat": "echo other> C:\\other.txt\r\n",
    "C:\\bad.bat": "echo bad> C:\\bad.txt\r\nfrobnicate\r\n",
}


@st.composite
def files_with_something_unknown(draw: st.DrawFn) -> str:
    """A batch file of lines that are played, with one among them, however deep, that is not."""
    before, behind = (draw(st.lists(st.sampled_from(LINES), max_size=4)) for _ in range(2))
    unknown = draw(st.sampled_from(UNKNOWN))
    for nesting in draw(st.lists(st.sampled_from(NESTINGS), max_size=2)):
        unknown = nesting.format(unknown)
    return "\r\n".join([*before, unknown, *behind]) + END


@settings(max_examples=150)
@given(files_with_something_unknown())
def test_nothing_has_changed(text: str) -> None:
    """A batch file with anything unknown in it is refused, and nothing that it could change has changed."""
    with guest({**FILES, "C:\\x.bat": text}) as made:
        before = made.state()
        stdout, stderr, code = asyncio.run(made.cmd("C:\\x.bat"))

        assert (stdout, code) == ("", 1)
        assert "is not recognized as an internal or external command" in stderr
        assert made.state() == before


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(NESTINGS), st.sampled_from(LINES)), min_size=1, max_size=5))
def test_what_is_known_runs(lines: list[tuple[str, str]]) -> None:
    """Without anything unknown the same files run, and change something."""
    text = "\r\n".join([*(nesting.format(line) for nesting, line in lines), "echo end> C:\\end.txt"])
    with guest({**FILES, "C:\\x.bat": text + END}) as made:
        _, stderr, _ = asyncio.run(made.cmd("C:\\x.bat"))

        assert "not recognized" not in stderr
        assert made.computer.drive.read("C:\\end.txt") == b"end\r\n"


async def ran(made: Guest, *lines: str, arguments: str = "") -> tuple[str, int]:
    """What a batch file of these lines writes, and its exit code."""
    made.put({"C:\\x.bat": "\r\n".join(("@echo off", *lines)) + "\r\n"})
    stdout, stderr, code = await made.cmd(f"C:\\x.bat{arguments}")
    assert stderr == ""
    return stdout, code


@pytest.mark.parametrize(
    ("lines", "stdout", "code"),
    [
        # Arguments
        (("echo %0 %1 %~2 %*",), 'C:\\x.bat one two words one "two words"\r\n', 0),
        (("echo %~n0%~x0 %~dp0 [%3]",), "x.bat C:\\ []\r\n", 0),
        # Labels
        (("goto next", "echo no", ":next", "echo yes"), "yes\r\n", 0),
        (("set /a n=0", ":top", "set /a n+=1", "if %n% LSS 3 goto top", "echo %n%"), "3\r\n", 0),
        (("call :sub a", "call :sub b", "goto :eof", ":sub", "echo [%1]", "exit /b 4"), "[a]\r\n[b]\r\n", 4),
        (("for %%i in (1 2) do call :sub %%i", "goto :eof", ":sub", "echo %1"), "1\r\n2\r\n", 0),
        (("if 1==1 (", "  goto out", ")", "echo no", ":out", "echo out"), "out\r\n", 0),
        # Codes
        (("cmd /c exit 3", "echo a"), "a\r\n", 3),
        (("cmd /c exit 3", "exit /b"), "", 3),
        (("cmd /c exit 3", "cmd /c exit 0"), "", 0),
        (("exit /b 7", "echo no"), "", 7),
        (("exit 8",), "", 8),
        (("cmd /c exit 5", "if errorlevel 5 echo %ERRORLEVEL%"), "5\r\n", 5),
        (("cmd /c exit 2", "if %ERRORLEVEL% NEQ 0 exit /b %ERRORLEVEL%", "echo no"), "", 2),
        # Variables: as they were when the line, with its block, began
        (("set X=1", "(", "set X=2", "echo %X%", ")", "echo %X%"), "1\r\n2\r\n", 0),
        (("setlocal enabledelayedexpansion", "set X=1", "(", "set X=2", "echo !X! %X%", ")"), "2 1\r\n", 0),
        (("set X=abcdef", "echo %X:~1,2% %X:cd=--% %X:~-2%"), "bc ab--ef ef\r\n", 0),
        (("set X=1", "setlocal", "set X=2", "endlocal", "echo %X%"), "1\r\n", 0),
        (("set X=1", "setlocal", "cd /d C:\\Windows", "endlocal", "cd"), "C:\\Users\\packer\r\n", 0),
        (("pushd C:\\Windows", "cd", "popd", "cd"), "C:\\Windows\r\nC:\\Users\\packer\r\n", 0),
        (("set X=late", "call echo %%X%%"), "late\r\n", 0),
        (("echo [%NOPE%] 100%%",), "[] 100%\r\n", 0),
        (("rem echo no", ":: echo no", "echo yes"), "yes\r\n", 0),
    ],
)
async def test_plays(lines: tuple[str, ...], stdout: str, code: int) -> None:
    """A batch file writes what cmd.exe writes, and ends with its exit code."""
    with guest() as made:
        assert await ran(made, *lines, arguments=' one "two words"') == (stdout, code)


async def test_calls_and_what_takes_over() -> None:
    """`call` comes back from another file with its variables; without it the other file takes over."""
    with guest({"C:\\b.bat": "@set FROM=%~1\r\n@echo in b\r\n@exit /b 3\r\n"}) as made:
        assert await ran(made, 'call C:\\b.bat "an argument"', "echo %FROM% %ERRORLEVEL%") == (
            "in b\r\nan argument 3\r\n", 3,
        )  # fmt: skip
        assert await ran(made, "C:\\b.bat x", "echo never") == ("in b\r\n", 3)


async def test_recursion_ends() -> None:
    """A file that calls itself without end is ended as Windows ends it."""
    with guest({"C:\\x.bat": "call C:\\x.bat\r\n"}) as made:
        _, stderr, code = await made.cmd("C:\\x.bat")

    assert (code, "B A T C H   R E C U R S I O N" in stderr) == (1, True)


async def test_half_a_comparison_ends_the_file() -> None:
    """A variable that is empty leaves a comparison that is none, with Windows' words and code."""
    with guest({"C:\\x.bat": 'if %NOPE2:~0,1%%1==x echo no\r\nfor %%i in (1) do (if ""=="" echo ok)\r\n'}) as made:
        made.put({"C:\\y.bat": "set X=\r\nfor %%i in (1) do if %X%==x echo no\r\necho never\r\n"})
        stdout, stderr, code = await made.cmd("C:\\y.bat")

    assert (stdout, code) == ("", 255)
    assert "was unexpected at this time." in stderr


async def test_a_file_that_changed_meanwhile_does_not_run() -> None:
    """What runs is what was planned: a file that the line before has changed is in use."""
    with guest({"C:\\b.bat": "echo planned\r\n", "C:\\new.bat": "frobnicate\r\n"}) as made:
        stdout, stderr, code = await made.cmd("copy C:\\new.bat C:\\b.bat >nul & call C:\\b.bat")

    assert (stdout, code) == ("", 1)
    assert "being used by another process" in stderr
