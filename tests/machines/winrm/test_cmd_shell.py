"""Shells of cmd.exe."""

import pytest

from emulator.machines.winrm.cmd_shell import CmdShells
from emulator.machines.winrm.command_host import FinishedProcess, Output, ShellContext
from emulator.wire.wsman.faults import WsmanFaultError
from emulator.wire.wsman.operations import Command, Create, Request


class Picky:
    """A host that takes some lines and says what it was given."""

    def __init__(self, name: str, prefix: str) -> None:
        self.name = name
        self.prefix = prefix

    async def start(self, context: ShellContext, line: str) -> FinishedProcess | None:
        said = f"{line} {context.environment} {context.directory} {context.code_page}"
        return FinishedProcess([Output("stdout", said.encode())], 0) if line.startswith(self.prefix) else None


def asked(**options: str) -> Request:
    """A request with options."""
    return Request("", "", "", "", options, None, 0, Create(""))


async def test_the_first_host_that_takes_a_line_runs_it() -> None:
    """Hosts are asked in order, with the shell's variables, folder and code page."""
    shells = CmdShells((Picky("first", "a"), Picky("last", "")))
    shell = await shells.open(asked(WINRS_CODEPAGE="65001"), Create("", (("A", "b"),), "C:\\x"))

    first, last = [await shell.start("", asked(), Command("", line, ("1", "2"))) for line in ("a", "b")]

    assert (first.host, last.host) == ("first", "last")
    assert (await first.process.read(1000)).outputs[0].data == b"a 1 2 {'A': 'b'} C:\\x 65001"


async def test_no_program_runs_without_cmd() -> None:
    """There is no program file to start, and Windows' fault says so."""
    shell = await CmdShells((Picky("last", ""),)).open(asked(), Create(""))

    with pytest.raises(WsmanFaultError, match="cannot find the file"):
        await shell.start("", asked(WINRS_SKIP_CMD_SHELL="TRUE"), Command("", "x.exe", ()))
