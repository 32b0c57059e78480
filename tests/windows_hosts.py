"""A stand-in for PowerShell, which no test machine has, and the chain of command hosts around it."""

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.machines.sandbox.host import probe_sandbox
from emulator.machines.settings import HostChoice
from emulator.machines.winguest.computer import Computer
from emulator.machines.winrm import chain
from emulator.machines.winrm.chain import Chain
from emulator.machines.winrm.command_host import ShellContext
from tests.windows_guest import answer_of
from tests.windows_vm import SETTINGS

STAND_IN = """#!/bin/sh
# Answers as pwsh would: shows the script that it was given, reads its input, writes, and ends with a code.
for word; do last=$word; done
script=$(printf %s "$last" | base64 -d | tr -d '\\000')
case $script in
  *say-where*) echo "$TEMP"; id -u; ls / ;;
  *read-input*) cat ;;
  *both-streams*) echo out; echo err >&2; exit 7 ;;
  *files*) cat /c/given.txt; echo made >/c/Users/made.txt; rm /c/gone.txt; echo odd >'/c/a|b' ;;
  *escape*) ln -s /etc/passwd /c/link; ls /etc/shadow /root 2>&1 ;;
  *big-file*) head -c 3000000 /dev/zero >/c/big.bin ;;
  *) printf '%s\\n' "$script" ;;
esac
"""


@contextlib.contextmanager
def stand_in() -> Iterator[str]:
    """An executable that stands in for PowerShell, which no test machine has, in a folder that all may read."""
    folder = Path(tempfile.mkdtemp(prefix="aib-stand-in-", dir="/tmp"))
    folder.chmod(0o755)
    program = folder / "pwsh"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    try:
        yield str(program)
    finally:
        shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def hosts(
    *choices: HostChoice, pwsh: str = "", drive_megabytes: int = 2048
) -> AsyncIterator[tuple[Computer, Chain]]:
    """A computer and its chain of hosts; skips where no sandbox starts."""
    if reason := await probe_sandbox():
        pytest.skip(reason)
    settings = replace(SETTINGS, hosts=choices, pwsh=pwsh, drive_megabytes=drive_megabytes)
    with tempfile.TemporaryDirectory() as root:
        computer = Computer(settings, Path(root), lambda: None)
        async with asyncio.TaskGroup() as group, chain.chain(settings, computer, group) as made:
            yield computer, made


async def said(made: Chain, line: str, given: bytes = b"") -> tuple[str, str, str, int]:
    """Which host took a line, what it wrote on both streams, and its exit code."""
    for host in made.hosts:
        process = await host.start(ShellContext(), line)
        if process is not None:
            process.write(given, end=True)
            stdout, stderr, code = await answer_of(process)
            return host.name, stdout, stderr, code
    raise AssertionError("the last host takes every line")
