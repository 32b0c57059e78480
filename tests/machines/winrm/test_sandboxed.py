"""Hosts that run real programs in a sandbox: which lines they take, and what they do with them."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm import sandboxed
from emulator.machines.winrm.command_host import ShellContext
from tests.windows_hosts import hosts, said, stand_in
from tests.windows_vm import SETTINGS

pytestmark = pytest.mark.network


@pytest.fixture
def pwsh() -> Iterator[str]:
    """A stand-in for PowerShell."""
    with stand_in() as program:
        yield program


async def test_streams_and_the_exit_code_come_through(pwsh: str) -> None:
    """What the program writes on each stream arrives there, and its exit code is the command's."""
    async with hosts("pwsh", pwsh=pwsh) as (_, made):
        assert await said(made, 'powershell -Command "both-streams"') == (
            "pwsh in a sandbox", "out\n", "err\n", 7,
        )  # fmt: skip
        assert (await said(made, "powershell read-input", b"some input"))[1] == "some input"


async def test_it_runs_in_the_sandbox_alone(pwsh: str) -> None:
    """The program sees a root that was built, is the guest's root, and finds none of the machine's secrets."""
    async with hosts("pwsh", pwsh=pwsh) as (computer, made):
        _, stdout, _, _ = await said(made, "powershell say-where")
        lines = stdout.splitlines()
        _, found, _, _ = await said(made, "powershell escape")

    assert lines[0] == computer.environment["TEMP"]
    assert lines[1] == "0"
    assert "c" in lines
    assert Path.cwd().parts[1] not in {*lines} - {"tmp"}  # it has one of its own
    assert "shadow" in found
    assert "No such file" in found


@pytest.mark.parametrize(
    "line",
    [
        "echo hi",
        "powershell -Command Restart-Computer",
        'powershell "Get-Service Spooler"',
        "powershell -Command Get-ItemProperty HKLM:\\SOFTWARE",
        "powershell -",
    ],
)
async def test_what_is_windows_alone_goes_on(pwsh: str, line: str) -> None:
    """Lines of cmd.exe, and scripts about what only this machine keeps, are the next host's."""
    async with hosts("pwsh", pwsh=pwsh) as (_, made):
        assert await made.hosts[1].start(ShellContext(), line) is None


async def test_its_whole_script_is_handed_over(pwsh: str) -> None:
    """The script, a file's call with its arguments, and drive C: before it."""
    async with hosts("pwsh", pwsh=pwsh) as (computer, made):
        computer.drive.write(r"C:\s.ps1", b"'x'")
        _, inline, _, _ = await said(made, 'powershell -ExecutionPolicy Bypass "& { 1 + 2 }"')
        _, file, _, _ = await said(made, r"powershell -File C:\s.ps1 one")

    assert inline.splitlines()[-1] == "& { 1 + 2 }"
    assert "New-PSDrive C FileSystem /c" in inline
    assert file.splitlines()[-1] == r"& 'C:\s.ps1' 'one'; exit $LASTEXITCODE"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("echo hi & exit 3", "exec wine cmd /c 'echo' 'hi' '&' 'exit' '3'"),
        ("echo it's", "exec wine cmd /c 'echo' 'it'\\''s'"),
        ('echo "a b"', "printf %s '@echo off\r\necho \"a b\"\r\n' >aib-line.bat && exec wine cmd /c 'aib-line.bat'"),
        ('for %i in ("a") do b', None),
        ("echo a\nb", None),
    ],
)
def test_a_line_for_wine(line: str, command: str | None) -> None:
    """A line is wine's as words, or as a batch file where that means the same; else it is not wine's."""
    assert sandboxed.wine_command(line) == command


@pytest.mark.parametrize(
    "line",
    ["powershell 1", "PowerShell.exe 1", "shutdown /r", "echo a | findstr a", "C:\\x.bat", "cmd /c foo", "foo"],
)
async def test_wine_never_gets_its_stubs(line: str) -> None:
    """What wine has as a program that does nothing and succeeds is not given to it, in a batch file neither."""
    with tempfile.TemporaryDirectory() as root:
        computer = Computer(SETTINGS, Path(root), lambda: None)
        computer.drive.write("C:\\x.bat", b"echo a\r\npowershell Get-Foo\r\n")
        runner = sandboxed.Runner(computer, None, None, None)  # type: ignore[arg-type]

        assert await sandboxed.WineHost(runner).start(ShellContext(), line) is None


@pytest.mark.skipif(shutil.which("wine") is None, reason="there is no wine on this machine")
@pytest.mark.timeout(180)
async def test_wine() -> None:
    """Wine's cmd runs lines over drive C:, with their exit codes, and the built-in host takes what is not wine's."""
    async with hosts("wine") as (computer, made):
        computer.drive.write(r"C:\given.txt", b"here\r\n")
        answers = [
            await said(made, line)
            for line in (
                "echo hi & exit 3",
                r"type C:\given.txt",
                r'echo "made" > C:\Users\made.txt',
                "echo %TEMP%",
                "ver",
            )
        ]

        assert computer.drive.read(r"C:\Users\made.txt").strip() == b'"made"'
        assert "wine's cmd in a sandbox" in made.detail
    assert [host for host, *_ in answers] == ["wine's cmd in a sandbox"] * 4 + ["built-in command host"]
    assert [(stdout.strip(), code) for _, stdout, _, code in answers[:2]] == [("hi", 3), ("here", 0)]
    assert answers[3][1].strip() == computer.environment["TEMP"]
