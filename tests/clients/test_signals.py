"""Ctrl+C and terminate, asserted on the guest's processes by another shell."""

import asyncio
import warnings
from collections.abc import Callable

import pytest
from pypsrp.client import Client
from pypsrp.shell import Process, SignalCode, WinRS

from tests.windows_vm import Vm, windows_vm

pytestmark = pytest.mark.network

TREE = ("cmd.exe", "powershell.exe", "PING.EXE")


def client(vm: Vm) -> Client:
    """A pypsrp client."""
    login = {"username": vm.settings.username, "password": vm.settings.password}
    return Client("127.0.0.1", port=vm.port, cert_validation=False, no_proxy=True, auth="ntlm", **login)


def running(made: Client) -> list[str]:
    """The programs of the tree that the machine's own list shows, besides the one that lists them."""
    listed: str = made.execute_cmd("tasklist")[0]
    names = [line.split()[0] for line in listed.splitlines() if line.strip()]
    names.remove("cmd.exe")
    return [name for name in names if name in TREE]


def until(made: Client, wanted: Callable[[list[str]], bool]) -> list[str]:
    """The list, asked for again until it is as wanted; pytest's time limit ends it."""
    while not wanted(found := running(made)):
        pass
    return found


@pytest.mark.parametrize(("signal", "code"), [(SignalCode.CTRL_C, -1073741510), (SignalCode.TERMINATE, None)])
async def test_ends_the_tree(signal: str, code: int | None) -> None:
    """A signal ends a command and all that it started; Ctrl+C leaves Windows' exit code for it."""

    def work(vm: Vm) -> tuple[list[str], list[str], int | None]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with client(vm) as made, client(vm) as watching, WinRS(made.wsman) as shell:
                process = Process(shell, "powershell -Command cmd /c ping -n 1000 127.0.0.1")
                process.begin_invoke()
                before = until(watching, lambda found: len(found) == 4)
                process.signal(signal)
                after = until(watching, lambda found: not found)
                if code is not None:
                    process.end_invoke()
                return before, after, process.rc

    async with windows_vm() as vm:
        before, after, ended = await asyncio.to_thread(work, vm)

    assert sorted(before) == ["PING.EXE", "cmd.exe", "cmd.exe", "powershell.exe"]
    assert (after, ended) == ([], code)


async def test_a_deleted_shell_ends_the_tree() -> None:
    """Closing a shell ends what runs in it."""

    def work(vm: Vm) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with client(vm) as made, client(vm) as watching:
                with WinRS(made.wsman) as shell:
                    Process(shell, "ping -n 1000 127.0.0.1").begin_invoke()
                    until(watching, lambda found: "PING.EXE" in found)
                return until(watching, lambda found: not found)

    async with windows_vm() as vm:
        assert await asyncio.to_thread(work, vm) == []
