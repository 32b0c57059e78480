"""Many sessions at once, and for long."""

import asyncio
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from winrm.protocol import Protocol

from emulator.machines.settings import WinrmSettings
from tests.windows_vm import Vm, windows_vm

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(1200)]

OPERATIONS = 5
"""Of one round: open a shell, start a command, take its output, end it, close the shell."""


def rounds(vm: Vm, number: int, count: int) -> list[tuple[bytes, bytes, int]]:
    """What one session's commands came to."""
    protocol = Protocol(
        vm.url, transport="ntlm", username=vm.settings.username, password=vm.settings.password,
        server_cert_validation="ignore", proxy="", operation_timeout_sec=60, read_timeout_sec=120,
    )  # fmt: skip
    found = []
    for turn in range(count):
        shell = protocol.open_shell()
        command = protocol.run_command(shell, f"echo {number} {turn}& exit {turn}")
        found.append(protocol.get_command_output(shell, command))
        protocol.cleanup_command(shell, command)
        protocol.close_shell(shell)
    protocol.transport.close_session()
    return found


async def test_two_hundred_sessions() -> None:
    """200 NTLM sessions at once do 10,000 operations, and each gets its own output and exit code."""
    sessions, count = 200, 10
    assert sessions * count * OPERATIONS == 10_000
    async with windows_vm(winrm=WinrmSettings(shells_per_user=sessions, shell_patience=60)) as vm:
        with ThreadPoolExecutor(sessions) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loop = asyncio.get_running_loop()
            found = await asyncio.gather(
                *(loop.run_in_executor(pool, rounds, vm, number, count) for number in range(sessions))
            )

    for number, outcomes in enumerate(found):
        wanted = [(f"{number} {turn}\r\n".encode(), b"", turn) for turn in range(count)]
        assert outcomes == wanted


async def test_ten_minutes_leave_nothing() -> None:
    """Ten minutes of sessions later, the process has no more than a tenth more memory than after the first."""
    process, loop = psutil.Process(os.getpid()), asyncio.get_running_loop()
    async with windows_vm() as vm:
        with ThreadPoolExecutor(8) as pool, warnings.catch_warnings():
            warnings.simplefilter("ignore")

            async def until(end: float) -> int:
                while loop.time() < end:
                    await asyncio.gather(*(loop.run_in_executor(pool, rounds, vm, number, 5) for number in range(8)))
                return process.memory_info().rss

            begun = loop.time()
            early = await until(begun + 60)
            late = await until(begun + 600)

    assert late < early * 1.1
