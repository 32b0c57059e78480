"""cmd.exe's own commands, and the programs that are played."""

import pytest

from emulator.machines.winguest.cmd_programs import EXTERNAL, INTERNAL
from emulator.machines.winguest.computer import GENERALIZED, SETUP_STATE
from tests.windows_guest import guest


@pytest.mark.parametrize(
    ("line", "stdout", "code"),
    [
        ("echo off & echo", "ECHO is off.\r\n", 0),
        ("echo.& echo(x& echo+y", "\r\nx\r\ny\r\n", 0),
        ("ver", "\r\nMicrosoft Windows [Version 10.0.20348.2402]\r\n", 0),
        ("hostname & whoami", "build-windows\r\nbuild-windows\\packer\r\n", 0),
        ("title any thing & rem x", "", 0),
        ("exit /b -5", "", -5),
        ("call echo %USERNAME%", "packer\r\n", 0),
        ("timeout /t 0 /nobreak", "", 0),
        ('ping -n 1 127.0.0.1 | find /c "Reply"', "1\r\n", 0),
    ],
)
async def test_plays(line: str, stdout: str, code: int) -> None:
    """What each says, and its code."""
    with guest() as made:
        said, _, ended = await made.cmd(line)

    assert (said, ended) == (stdout, code)


@pytest.mark.parametrize(
    "line",
    [
        "exit frob",
        "whoami /all",
        "ver x",
        "ping other",
        "timeout /t x",
        "shutdown /s",
        "cmd /k echo",
        "sysprep /generalize",
        "C:\\Windows\\System32\\Sysprep\\sysprep /oobe",
        "tasklist /v",
        "popd x",
    ],
)
async def test_refuses(line: str) -> None:
    """Options that are not played are not left out."""
    with guest() as made:
        before = made.state()
        assert (await made.cmd(f"echo a > C:\\ran & {line}"))[2] == 1
        assert made.state() == before


async def test_sysprep_sets_setups_state() -> None:
    """Nothing else of it is played."""
    with guest() as made:
        assert await made.cmd("C:\\Windows\\System32\\Sysprep\\sysprep.exe /generalize /oobe /quit") == ("", "", 0)
        key = made.computer.key(SETUP_STATE)

    assert key is not None
    assert key.values["ImageState"] == GENERALIZED


async def test_restarts_answer_with_windows_codes() -> None:
    """A second restart, and none to take back."""
    with guest() as made:
        codes = [
            (await made.cmd(line))[2]
            for line in ("shutdown /a", "shutdown /r /t 60", "shutdown /r /t 60", "shutdown /a")
        ]
        made.computer.restarts.close()

    assert codes == [1116, 0, 1190, 0]


async def test_programs_are_processes_while_they_run() -> None:
    """`tasklist` shows itself's cmd.exe, and nothing of what has ended."""
    with guest() as made:
        listed, _, _ = await made.cmd("ping -n 1 127.0.0.1 >nul & tasklist")

    assert "cmd.exe" in listed
    assert "PING.EXE" not in listed


def test_no_name_is_both() -> None:
    """A name is cmd.exe's own or a program's."""
    assert set(INTERNAL) & set(EXTERNAL) == set()
