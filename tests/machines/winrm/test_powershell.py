"""The little PowerShell: any script is played or refused."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.machines.winrm import powershell
from emulator.machines.winrm.cmd_line import NotUnderstoodError
from emulator.machines.winrm.session import Result, open_session
from tests.windows_vm import SETTINGS


def play(arguments: str) -> Result:
    """What `powershell ARGUMENTS` comes to."""
    return powershell.plan(arguments)(open_session(SETTINGS))


@pytest.mark.parametrize(
    "arguments",
    [
        " -Command echo hi",
        " -c 'hi'",
        " -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command \"echo 'hi'\"",
        " echo hi",
        f" -EncodedCommand {base64.b64encode('echo hi'.encode('utf-16-le')).decode()}",
        f" -enc {base64.b64encode('echo hi'.encode('utf-16-le')).decode()}",
    ],
)
def test_reads_its_options(arguments: str) -> None:
    """The script is found behind the options that clients send."""
    assert play(arguments) == Result("hi\r\n")


@pytest.mark.parametrize("arguments", ["", " -File a.ps1", " -enc !", " -EncodedCommand YQ==", " -Version 2"])
def test_refuses_other_options(arguments: str) -> None:
    """Options that are not played refuse the whole command."""
    with pytest.raises(NotUnderstoodError):
        play(arguments)


@pytest.mark.parametrize(
    ("script", "stdout"),
    [
        ("echo 'a; b'", "a; b\r\n"),
        ("echo a\necho b", "a\r\nb\r\n"),
        ("'a'", "a\r\n"),
        ("42", "42\r\n"),
        ("Write-Host", "\n"),
        ("$ProgressPreference = 'SilentlyContinue'; echo a", "a\r\n"),
        ("$PSVersionTable.PSVersion.ToString()", "5.1.20348.2400\r\n"),
        (
            "$PSVersionTable.PSVersion",
            (
                "\r\nMajor  Minor  Build  Revision\r\n-----  -----  -----  --------\r\n"
                "5      1      20348  2400\r\n\r\n\r\n"
            ),
        ),
    ],
)
def test_writes(script: str, stdout: str) -> None:
    """Literals come out as PowerShell writes them."""
    assert play(f" -Command {script}").stdout == stdout


def test_exit_ends_the_script() -> None:
    """What follows `exit` does not run."""
    assert play(" -Command echo a; exit 3; echo b") == Result("a\r\n", exit_code=3)


@given(st.text(alphabet="echoxit 'a\";$#\n,-1(){}", max_size=40))
def test_any_script_is_played_or_refused(script: str) -> None:
    """No script raises anything else; one that is played writes text."""
    with contextlib.suppress(NotUnderstoodError):
        assert isinstance(play(f" -Command {script}").stdout, str)
