"""The built-in command host: what it plays, and that it refuses the rest whole."""

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm.builtin import BuiltinHost
from emulator.machines.winrm.command_host import ShellContext
from tests.windows_vm import SETTINGS


@contextlib.asynccontextmanager
async def host() -> AsyncIterator[BuiltinHost]:
    """The host of a fresh machine."""
    with tempfile.TemporaryDirectory() as root:
        async with asyncio.TaskGroup() as group:
            yield BuiltinHost(Computer(SETTINGS, Path(root), lambda: None), group)


async def answer(line: str, context: ShellContext | None = None) -> tuple[str, str, int]:
    """What a line wrote and returned."""
    async with host() as started:
        process = await started.start(context or ShellContext(), line)
        texts, code = {"stdout": b"", "stderr": b""}, None
        while code is None:
            chunk = await process.read(1 << 20)
            code = chunk.exit_code
            for output in chunk.outputs:
                texts[output.stream] += output.data
    return texts["stdout"].decode(), texts["stderr"].decode(), code


def encoded(script: str) -> str:
    """The command line that pywinrm's `run_ps` sends."""
    return f"powershell -encodedcommand {base64.b64encode(script.encode('utf-16-le')).decode()}"


@pytest.mark.parametrize(
    ("line", "stdout", "code"),
    [
        ("echo hello", "hello\r\n", 0),
        ('echo "hello"  there', '"hello"  there\r\n', 0),
        ("echo.", "\r\n", 0),
        ("echo", "ECHO is on.\r\n", 0),
        ("hostname", "build-windows\r\n", 0),
        ("whoami.exe", "build-windows\\packer\r\n", 0),
        ("C:\\Windows\\System32\\whoami.exe", "build-windows\\packer\r\n", 0),
        ("cd", "C:\\Users\\packer\r\n", 0),
        ("cd C:\\windows && cd", "C:\\Windows\r\n", 0),
        ("cd /d C:\\Windows && dir /b", "System32\r\nTemp\r\nwin.ini\r\n", 0),
        ("echo %COMPUTERNAME%", "BUILD-WINDOWS\r\n", 0),
        ("set FOO=bar&set FOO", "FOO=bar\r\n", 0),
        ('set "FOO=bar" && set foo', "FOO=bar\r\n", 0),
        ("exit 7", "", 7),
        ("exit /b 3", "", 3),
        ("exit 4294967295", "", -1),
        ("echo a & exit 5 & echo b", "a \r\n", 5),
        ("echo a >nul && echo b", "b\r\n", 0),
        ("cd C:\\nope 2>nul || echo none", "none\r\n", 0),
        ("ver >nul || echo none", "", 0),
        ("rem nothing", "", 0),
        ("cmd /c exit 9", "", 9),
        ('cmd.exe /d /c "echo a&exit 2"', "a\r\n", 2),
        ("cmd /c exit 3 && echo no", "", 3),
        ('powershell -NoProfile -Command "Write-Output hi"', "hi\r\n", 0),
        ("powershell Write-Output hi", "hi\r\n", 0),
        (encoded("echo 'it''s'; Write-Output 1,2; exit 4"), "it's\r\n1\r\n2\r\n", 4),
        (encoded("Write-Host a 'b c'"), "a b c\n", 0),
        (encoded("$PSVersionTable.PSVersion.Major"), "5\r\n", 0),
        (encoded("$env:COMPUTERNAME"), "BUILD-WINDOWS\r\n", 0),
        (
            encoded(
                "if (Test-Path variable:global:ProgressPreference){set-variable -name variable:global:"
                "ProgressPreference -value 'SilentlyContinue'};echo \"WinRM connected.\""
            ),
            "WinRM connected.\r\n",
            0,
        ),
    ],
)
async def test_plays(line: str, stdout: str, code: int) -> None:
    """What it knows comes out as Windows writes it."""
    assert await answer(line) == (stdout, "", code)


@pytest.mark.parametrize(
    ("line", "stderr", "code"),
    [
        ("cd C:\\nope", "The system cannot find the path specified.\r\n", 1),
        ("type C:\\nope.txt", "The system cannot find the file specified.\r\n", 1),
        ("type C:\\Windows", "Access is denied.\r\n", 1),
        ("set NOSUCH", "Environment variable NOSUCH not defined\r\n", 1),
        ("echo oops>&2", "oops\r\n", 0),
    ],
)
async def test_fails_as_windows_does(line: str, stderr: str, code: int) -> None:
    """A known command that fails says so on stderr."""
    assert await answer(line) == ("", stderr, code)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("foo", "foo"),
        ("foo.exe /bar", "foo.exe"),
        ("echo a & foo", "foo"),
        ("echo a && foo && echo b", "foo"),
        ("exit 0 & foo", "foo"),
        ("cmd /c foo", "foo"),
        ("format c:", "format"),
        ("echo a | foo", "foo"),
        ("(echo a & foo)", "foo"),
        ("if 1==2 foo", "foo"),
        ("for %i in (1) do foo %i", "foo"),
        ("echo a & powershell -Command foo", "foo"),
        ("whoami /all", "/all"),
    ],
)
async def test_refuses_whole(line: str, name: str) -> None:
    """A line with anything unknown in it writes nothing but Windows' complaint, and fails."""
    complaint = (
        f"'{name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
    )

    assert await answer(line) == ("", complaint, 1)


@pytest.mark.parametrize(
    "script",
    [
        "Get-Foo foo",
        "echo a; Get-Foo foo",
        'echo "$(Get-Foo foo)"',
        "echo a | Out-Foo b",
        "echo 'open",
        "if ($false) { Get-Foo }",
        "echo -NoFoo a",
    ],
)
async def test_refuses_powershell_whole(script: str) -> None:
    """A script with anything unknown in it writes nothing and fails, encoded or not."""
    for line in (encoded(script), f"powershell -Command {script}"):
        stdout, stderr, code = await answer(line)
        assert (stdout, code) == ("", 1)
        assert "is not recognized as" in stderr


async def test_throws() -> None:
    """`throw` ends the script with its text on stderr, as CLIXML where the command was encoded."""
    stdout, stderr, code = await answer(encoded("echo a; throw 'no <luck>'; echo b"))

    assert (stdout, code) == ("a\r\n", 1)
    assert stderr.startswith('#< CLIXML\r\n<Objs Version="1.1.0.1"')
    assert "no &lt;luck&gt;_x000D__x000A_" in stderr


async def test_takes_the_shells_variables_and_directory() -> None:
    """A shell's environment and directory reach its commands."""
    context = ShellContext({"GREETING": "hi"}, "C:\\Windows")

    assert await answer("echo %GREETING% && cd", context) == ("hi \r\nC:\\Windows\r\n", "", 0)


async def test_shows_azures_address() -> None:
    """`ipconfig` shows the address that the world gives the machine."""
    stdout, _, code = await answer("ipconfig /all")

    assert code == 0
    assert f": {SETTINGS.address}\r\n" in stdout
    assert "Windows IP Configuration" in stdout


async def test_nesting_has_an_end() -> None:
    """A command that wraps itself too often is refused."""
    assert (await answer("cmd /c " * 50 + "echo a"))[2] == 1


async def test_hands_out_what_fits() -> None:
    """Output larger than the limit comes in pieces, the exit code with the last."""
    async with host() as started:
        process = await started.start(ShellContext(), "echo 123456")
        chunks = [await process.read(5), await process.read(5)]

    assert [chunk.outputs[0].data for chunk in chunks] == [b"12345", b"6\r\n"]
    assert [chunk.exit_code for chunk in chunks] == [None, 0]


async def test_a_space_before_an_operator_is_kept() -> None:
    """Words before `&&` keep the space that is before it, within another cmd.exe too, as pypsrp's suite knows it."""
    assert await answer("cmd.exe /c echo out && echo err>&2 && exit 1") == ("out \r\n", "err \r\n", 1)
